//! The files of the source tree, without what is built or fetched.

use std::path::{Path, PathBuf};

/// Folders that hold nothing anybody wrote.
const SKIPPED: [&str; 4] = ["target", ".git", "node_modules", "__pycache__"];

/// One text file.
#[derive(Debug, Clone)]
pub struct File {
    /// Relative to the root, with forward slashes.
    pub path: String,
    pub text: String,
}

impl File {
    /// A made-up file for a control.
    pub fn sample(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// Whether the path ends like this.
    pub fn is(&self, ending: &str) -> bool {
        self.path.ends_with(ending)
    }

    /// Whether it is Rust that ends up in the program or its libraries.
    pub fn is_source(&self) -> bool {
        self.path.contains("/src/") && self.is(".rs")
    }

    /// Lines of code with their numbers: comments left out.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().zip(1..).map(|(line, number)| (number, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

/// Every text file of the tree.
pub fn all() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && !SKIPPED.contains(&name) {
                folders.push(path);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                files.push(File { path: relative(&path, &root), text });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(files.len() > 50, "this is not the tree: {} files", files.len());
    files
}

fn relative(path: &Path, root: &PathBuf) -> String {
    path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/")
}

/// Whether `line` has `word` with nothing on either side that could belong to a name.
pub fn has_word(line: &str, word: &str) -> bool {
    let belongs = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        !belongs(before.chars().next_back()) && !belongs(after.chars().next())
    })
}

#[test]
fn a_word_is_found_only_by_itself() {
    assert!(has_word("let now = Instant::now();", "Instant"));
    assert!(!has_word("let now = Instantly::now();", "Instant"));
    assert!(!has_word("let now = MyInstant::now();", "Instant"));
}
