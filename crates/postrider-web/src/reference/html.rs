//! Writing HTML: whatever is not a literal of ours is escaped, so no text can become markup.

/// A page being written.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup of ours, as it is.
    pub(super) fn markup(&mut self, literal: &'static str) -> &mut Self {
        self.0.push_str(literal);
        self
    }

    /// Any text, also between the quotes of an attribute.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                _ => self.0.push(c),
            }
        }
        self
    }

    /// Text as code.
    pub(super) fn code(&mut self, text: &str) -> &mut Self {
        self.markup("<code>").text(text).markup("</code>")
    }

    /// Prose of the document, where backquotes mark code.
    pub(super) fn prose(&mut self, text: &str) -> &mut Self {
        for (index, part) in text.split('`').enumerate() {
            // Every other part stands between two of them.
            if index % 2 == 1 {
                self.code(part)
            } else {
                self.text(part)
            };
        }
        self
    }

    /// Something to jump to, by its name in an address.
    pub(super) fn link(&mut self, anchor: &str, text: &str) -> &mut Self {
        self.markup("<a href=\"#").text(anchor).markup("\">").text(text).markup("</a>")
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        let evil = "</code><script>alert('1')</script>\" onload=\"x&`<b>`";
        let mut html = Html::default();
        html.text(evil).code(evil).prose(evil).link(evil, evil);
        let text = html.finish().replace("<code>", "").replace("</code>", "");
        let text =
            text.replacen("<a href=\"#", "", 1).replacen("\">", "", 1).replacen("</a>", "", 1);
        assert!(!text.contains(['<', '>', '"', '\'']), "{text}");
        assert!(text.contains("&lt;script&gt;") && text.contains("x&amp;"), "{text}");
    }
}
