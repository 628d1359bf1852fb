//! One line per spelling of a target: refused with which code, or accepted in which normal form.

use super::*;
use proptest::prelude::*;

/// Refused by the default policy when plain http is allowed; numbers are rows of the table of bad
/// inputs in the goals.
const REFUSED: &str = r"
    # 58: not a URL
    invalid_url example.com
    invalid_url //example.com
    invalid_url /path
    invalid_url ?a=b
    invalid_url https
    invalid_url https:
    invalid_url https://
    invalid_url https://?a=b
    invalid_url https://:443/
    invalid_url ://example.com
    # 59: other schemes
    scheme_not_allowed ftp://example.com/
    scheme_not_allowed ftp://user:password@example.com/
    scheme_not_allowed file:///etc/passwd
    scheme_not_allowed file:/etc/passwd
    scheme_not_allowed gopher://example.com/
    scheme_not_allowed javascript:alert(1)
    scheme_not_allowed data:text/plain,hello
    scheme_not_allowed ws://example.com/
    scheme_not_allowed wss://example.com/
    scheme_not_allowed localhost:9000
    scheme_not_allowed example.com:443/hook
    # 61: credentials
    credentials_in_url https://user:password@example.com/
    credentials_in_url https://user@example.com/
    credentials_in_url https://:password@example.com/
    credentials_in_url https://@example.com/
    credentials_in_url https://a@b@example.com/
    credentials_in_url https://example.com@127.0.0.1/
    credentials_in_url https://user@/
    # 62: fragment
    fragment_in_url https://example.com/#fragment
    fragment_in_url https://example.com/hook?a=b#
    fragment_in_url https://example.com#@127.0.0.1/
    # 63: back-slash; the others are in their own test
    invalid_url https:\\example.com\
    invalid_url https://example.com\@127.0.0.1/
    invalid_url https://example.com/a\b
    # 64: slashes
    invalid_url http:127.0.0.1/
    invalid_url http:/127.0.0.1/
    invalid_url http:///127.0.0.1/
    invalid_url http:////127.0.0.1/
    invalid_url http:///x
    invalid_url https:/x
    invalid_url https:example.com
    # 65: ports
    invalid_port https://example.com:0/
    invalid_port https://127.0.0.1:0/
    invalid_port https://example.com:65536/
    invalid_port https://example.com:99999999999/
    invalid_port https://example.com:-1/
    invalid_port https://example.com:+443/
    invalid_port https://example.com:https/
    port_not_allowed https://example.com:22/
    port_not_allowed https://example.com:25/
    port_not_allowed https://example.com:6379/
    port_not_allowed https://8.8.8.8:22/
    # 66: loopback and its spellings
    target_not_allowed http://127.0.0.1/
    target_not_allowed http://127.1/
    target_not_allowed http://2130706433/
    target_not_allowed http://0x7f000001/
    target_not_allowed http://0x7f.1/
    target_not_allowed http://0177.0.0.1/
    target_not_allowed http://017700000001/
    target_not_allowed http://0/
    target_not_allowed http://0x/
    target_not_allowed http://127.0.0.1./
    target_not_allowed http://127.0.0.1:8080/
    target_not_allowed http://127.0.0.1:22/
    # 67: look-alike spellings
    target_not_allowed http://①②⑦.0.0.1/
    target_not_allowed http://127。0。0。1/
    target_not_allowed http://127.0.0.1/
    target_not_allowed http://%31%32%37.0.0.1/
    target_not_allowed http://%6cocalhost/
    target_not_allowed http://ⓛocalhost/
    target_not_allowed http://local%C2%ADhost/
    # 68: IPv6
    target_not_allowed http://[::1]/
    target_not_allowed http://[::]/
    target_not_allowed http://[::ffff:10.0.0.1]/
    target_not_allowed http://[::127.0.0.1]/
    target_not_allowed http://[0:0:0:0:0:ffff:7f00:1]/
    target_not_allowed http://[2a00:1450::5efe:10.0.0.1]/
    # 69: IPv6 that carries IPv4, or is nobody's
    target_not_allowed http://[64:ff9b::a9fe:a9fe]/
    target_not_allowed http://[2002:7f00:1::]/
    target_not_allowed http://[2001:0:1::1]/
    target_not_allowed http://[fec0::1]/
    target_not_allowed http://[4000::1]/
    # 70: zones
    invalid_url http://[fe80::1%25eth0]/
    invalid_url http://[fe80::1%eth0]/
    # 71: metadata
    target_not_allowed http://169.254.169.254/latest/meta-data/
    target_not_allowed http://100.100.100.200/
    target_not_allowed http://192.0.0.192/
    target_not_allowed http://168.63.129.16/
    target_not_allowed http://[fd00:ec2::254]/
    target_not_allowed http://0xa9fea9fe/
    # 72: names
    target_not_allowed http://localhost/
    target_not_allowed http://LOCALHOST./
    target_not_allowed http://localhost:22/
    target_not_allowed http://foo.localhost/
    target_not_allowed http://printer.local/
    target_not_allowed http://metadata.google.internal/
    target_not_allowed http://router.home.arpa/
    target_not_allowed http://ip6-localhost/
    target_not_allowed http://metadata/
    target_not_allowed http://db/
    target_not_allowed http://db./
    # 76: hosts that cannot be
    invalid_host http://1.2.3.4.5/
    invalid_host http://256.1.1.1/
    invalid_host http://08.1.1.1/
    invalid_host http://4294967296/
    invalid_host http://xn--a/
    invalid_host http://xn--a.example/
    invalid_host http://a..b/
    invalid_host http://a.b../
    invalid_host http://.a.b/
    invalid_host http://./
    invalid_host http://../
    invalid_host http://-a.example/
    invalid_host http://a-.example/
    invalid_host http://*.example.com/
    invalid_host http://a'b.example/
    invalid_host http://{{host}}.example/
    invalid_host http://a%00b.example/
    invalid_host http://a%2fb.example/
    invalid_host http://a<b.example/
    invalid_host http://[::g]/
    invalid_host http://[1::2::3]/
    invalid_host http://[::1/
    invalid_host http://[::1]x/
    # 79: a % that encodes nothing
    invalid_url https://example.com/100%
    invalid_url https://example.com/?a=%zz
";

/// Accepted, with the normal form.
const ACCEPTED: &str = r"
    https://example.com                        https://example.com/
    https://example.com/                       https://example.com/
    HTTPS://EXAMPLE.COM/Hook                   https://example.com/Hook
    https://example.com./hook                  https://example.com/hook
    https://example.com:443/hook               https://example.com/hook
    https://example.com:/hook                  https://example.com/hook
    https://example.com:08443/hook             https://example.com:8443/hook
    http://example.com:80/hook                 http://example.com/hook
    http://example.com:443/hook                http://example.com:443/hook
    https://example.com:80/hook                https://example.com:80/hook
    https://example.com?a=b                    https://example.com/?a=b
    https://example.com/?                      https://example.com/?
    https://example.com/a/../b/./c             https://example.com/b/c
    https://example.com//a//                   https://example.com//a//
    https://example.com/a@b:c                  https://example.com/a@b:c
    https://my_shop.example.com/               https://my_shop.example.com/
    https://%65xample.com/                     https://example.com/
    https://8.8.8.8/                           https://8.8.8.8/
    https://134744072/                         https://8.8.8.8/
    https://8.8.8.8./                          https://8.8.8.8/
    https://[2606:4700:0:0::1111]/             https://[2606:4700::1111]/
    https://[2606:4700::1111]:8443/a           https://[2606:4700::1111]:8443/a
    https://[::ffff:8.8.8.8]/                  https://[::ffff:808:808]/
    https://bücher.example/                    https://xn--bcher-kva.example/
    https://xn--bcher-kva.example/             https://xn--bcher-kva.example/
    https://BÜCHER.example/                    https://xn--bcher-kva.example/
    https://аpple.example/                     https://xn--pple-43d.example/
    https://faß.example/                       https://xn--fa-hia.example/
    https://例え。テスト/                        https://xn--r8jz45g.xn--zckzah/
    https://example.com/{{var}}?b={{var}}      https://example.com/%7B%7Bvar%7D%7D?b=%7B%7Bvar%7D%7D
    https://example.com/é?ü=ö                  https://example.com/%C3%A9?%C3%BC=%C3%B6
    https://example.com/%C3%A9?%c3%bc          https://example.com/%C3%A9?%c3%bc
    https://example.com/a%20b%2Fc              https://example.com/a%20b%2Fc
    https://example.com/?a[]=1&b=|^`<>         https://example.com/?a[]=1&b=%7C%5E%60%3C%3E
    https://example.com/?u=https://a.example/  https://example.com/?u=https://a.example/
";

fn rules(allowed: &[&str]) -> TargetRules {
    let blocks = allowed.iter().map(|text| text.parse().unwrap());
    TargetRules { allow_http: true, addresses: Arc::new(AddressPolicy::default().allow(blocks)) }
}

fn code(text: &str, rules: &TargetRules) -> &'static str {
    TargetUrl::parse(text, rules).map_or_else(|refusal| refusal.code(), |_| "accepted")
}

fn lines(table: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = table.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(' ').map(|(a, b)| (a, b.trim())).unwrap())
}

#[test]
fn bad_urls_are_refused_with_their_code() {
    for (expected, text) in lines(REFUSED) {
        assert_eq!(code(text, &rules(&[])), expected, "{text}");
    }
}

/// Rows 77 and 79.
#[test]
fn good_urls_have_one_normal_form() {
    for (text, normal) in lines(ACCEPTED) {
        let target = TargetUrl::parse(text, &rules(&[])).unwrap();
        assert_eq!(target.as_str(), normal, "{text}");
        assert_eq!(target, TargetUrl::restored(normal).unwrap());
        assert_eq!(target, TargetUrl::parse(normal, &rules(&[])).unwrap());
    }
}

#[test]
fn white_space_and_control_characters_are_refused_wherever_they_are() {
    assert_eq!(code("", &rules(&[])), "invalid_url");
    let url = "https://example.com/hook";
    for bad in " \t\r\n\0\u{1b}\u{7f}\u{85}\u{a0}\u{2028}\u{3000}".chars() {
        for position in 0..=url.len() {
            let (before, after) = url.split_at(position);
            let text = format!("{before}{bad}{after}");
            assert_eq!(code(&text, &rules(&[])), "invalid_url", "{text:?}");
        }
    }
}

#[test]
fn lengths_are_bounded_before_and_after_encoding() {
    let with_path = |path: &str| format!("https://example.com/{path}");
    assert_eq!(code(&with_path(&"a".repeat(2028)), &rules(&[])), "accepted");
    assert_eq!(code(&with_path(&"a".repeat(2029)), &rules(&[])), "too_long");
    assert_eq!(code(&with_path(&"é".repeat(400)), &rules(&[])), "too_long");
    let label = "a".repeat(63);
    let name = format!("{label}.{label}.{label}.{}", "b".repeat(61));
    assert_eq!(code(&format!("https://{name}/"), &rules(&[])), "accepted");
    assert_eq!(code(&format!("https://{name}./"), &rules(&[])), "accepted");
    assert_eq!(code(&format!("https://{name}b/"), &rules(&[])), "invalid_host");
    assert_eq!(code(&format!("https://{label}a.example/"), &rules(&[])), "invalid_host");
}

#[test]
fn http_needs_the_operators_consent() {
    let https_only = TargetRules::default();
    assert_eq!(code("http://example.com/", &https_only), "https_required");
    assert_eq!(code("https://example.com/", &https_only), "accepted");
    assert_eq!(code("http://example.com/", &rules(&[])), "accepted");
}

#[test]
fn allowed_blocks_serve_test_receivers_by_address_and_by_name() {
    let local = rules(&["127.0.0.0/8", "::1/128"]);
    for text in ["http://localhost:9000/", "http://127.0.0.1:6000/", "http://[::1]:9000/"] {
        assert_eq!(code(text, &local), "accepted", "{text}");
    }
    assert_eq!(code("http://receiver:2375/", &local), "accepted");
    assert_eq!(code("http://10.0.0.1/", &local), "target_not_allowed");
    assert_eq!(code("http://[::ffff:127.0.0.1]/", &local), "accepted");
    assert_eq!(code("http://localhost:0/", &local), "invalid_port");
}

#[test]
fn restored_url_keeps_its_form_but_asks_no_rules() {
    let target = TargetUrl::restored("http://127.0.0.1:9000/hook").unwrap();
    assert_eq!(target.as_str(), "http://127.0.0.1:9000/hook");
    assert_eq!(target.judge(&rules(&[])).unwrap_err().code(), "target_not_allowed");
    assert_eq!(TargetUrl::restored("no url").unwrap_err().code(), "invalid_url");
}

#[test]
fn parts_are_what_a_client_needs() {
    let parts = |text| {
        let target = TargetUrl::restored(text).unwrap();
        let is_ip = matches!(target.host(), TargetHost::Ip(_));
        let texts = [target.host_str(), target.authority(), target.path_and_query()];
        (target.scheme_is_https(), is_ip, target.port(), texts.map(str::to_owned).join(" "))
    };
    for (text, is_https, is_ip, port, texts) in [
        ("https://Example.com", true, false, 443, "example.com example.com /"),
        ("http://example.com/a?b", false, false, 80, "example.com example.com /a?b"),
        ("https://example.com:8443?b", true, false, 8443, "example.com example.com:8443 /?b"),
        ("https://8.8.8.8:80/", true, true, 80, "8.8.8.8 8.8.8.8:80 /"),
        ("https://[2606:4700::1]/", true, true, 443, "2606:4700::1 [2606:4700::1] /"),
        ("https://[2606:4700::1]:81/a", true, true, 81, "2606:4700::1 [2606:4700::1]:81 /a"),
    ] {
        assert_eq!(parts(text), (is_https, is_ip, port, texts.to_owned()), "{text}");
    }
    let target = TargetUrl::restored("https://[2606:4700::1]/").unwrap();
    assert_eq!(target.host(), TargetHost::Ip("2606:4700::1".parse().unwrap()));
    let target = TargetUrl::restored("https://example.com./").unwrap();
    assert_eq!(target.host(), TargetHost::Name("example.com"));
    assert_eq!(
        format!("{target} {target:?}"),
        "https://example.com/ TargetUrl(\"https://example.com/\")"
    );
}

#[test]
fn refusal_shows_the_normal_form_and_nothing_of_the_network() {
    let said = |text: &str| TargetUrl::parse(text, &rules(&[])).unwrap_err().to_string();
    assert!(said("http://0x7f.1/").starts_with("127.0.0.1 is not a public internet address"));
    let same = |host: &str, port: u16| said(&format!("http://{host}:{port}/")).replace(host, "");
    for (host, port) in [("10.0.0.1", 23), ("10.9.9.9", 80), ("127.0.0.1", 80), ("db", 443)] {
        assert_eq!(same(host, port), same("10.0.0.1", 22), "{host}");
    }
}

proptest! {
    #[test]
    fn parsing_never_panics(text in any::<String>()) {
        let _ = TargetUrl::parse(&text, &rules(&[]));
        let _ = TargetUrl::restored(&format!("https://{text}"));
    }

    #[test]
    fn normal_form_is_a_fixed_point(
        scheme in "(https|HTTP|http)",
        host in r"(\PC{1,8}\.example|[a-zßé0-9._%x-]{1,20}|[0-9a-fx.]{1,12}|\[[0-9a-f:.]{2,20}\])",
        port in "(:[0-9]{1,5})?",
        rest in r"(/[\PC]{0,12})?(\?[\PC]{0,12})?",
    ) {
        if let Ok(target) = TargetUrl::restored(&format!("{scheme}://{host}{port}{rest}")) {
            let again = TargetUrl::restored(target.as_str()).unwrap();
            prop_assert_eq!(again.as_str(), target.as_str());
            prop_assert_eq!(again.host(), target.host());
            prop_assert!(target.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
            let scheme = if target.scheme_is_https() { "https" } else { "http" };
            let (authority, path) = (target.authority(), target.path_and_query());
            prop_assert_eq!(format!("{scheme}://{authority}{path}"), target.as_str());
            prop_assert!(path.starts_with('/'));
        }
    }
}
