//! The tables against a second, hand-written account of the same registries: inclusive ranges of
//! plain numbers, and the rule for each range stated once more.

use super::*;
use proptest::prelude::*;

/// Denied IPv4 as inclusive ranges, first and last address, written by hand from the registry.
const IPV4_RANGES: [(&str, &str, DeniedClass); 19] = [
    ("0.0.0.0", "0.255.255.255", ThisNetwork),
    ("10.0.0.0", "10.255.255.255", Private),
    ("100.64.0.0", "100.127.255.255", Shared),
    ("127.0.0.0", "127.255.255.255", Loopback),
    ("168.63.129.16", "168.63.129.16", Metadata),
    ("169.254.0.0", "169.254.255.255", LinkLocal),
    ("172.16.0.0", "172.31.255.255", Private),
    ("192.0.0.0", "192.0.0.255", Reserved),
    ("192.0.2.0", "192.0.2.255", Documentation),
    ("192.31.196.0", "192.31.196.255", Reserved),
    ("192.52.193.0", "192.52.193.255", Reserved),
    ("192.88.99.0", "192.88.99.255", Transition),
    ("192.168.0.0", "192.168.255.255", Private),
    ("192.175.48.0", "192.175.48.255", Reserved),
    ("198.18.0.0", "198.19.255.255", Benchmarking),
    ("198.51.100.0", "198.51.100.255", Documentation),
    ("203.0.113.0", "203.0.113.255", Documentation),
    ("224.0.0.0", "239.255.255.255", Multicast),
    ("240.0.0.0", "255.255.255.255", Reserved),
];

/// Denied IPv6, complete: whatever is not between 2000:: and 3fff:…, and the holes in there.
const IPV6_RANGES: [(&str, &str); 8] = [
    ("::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff"),
    ("3ffe::", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
];

/// Named blocks outside 2000::/3 and inside the holes, with the class each must be reported as.
const IPV6_NAMED: [(&str, DeniedClass); 32] = [
    ("::", ThisNetwork),
    ("::1", Loopback),
    ("::2", Transition),
    ("::127.0.0.1", Transition),
    ("::ffff:0:127.0.0.1", Transition),
    ("64:ff9b::a9fe:a9fe", Transition),
    ("64:ff9b:0:0:0:1::", Reserved),
    ("64:ff9b:1::", Transition),
    ("64:ff9b:1:ffff:ffff:ffff:ffff:ffff", Transition),
    ("64:ff9b:2::", Reserved),
    ("100::", Reserved),
    ("100:0:0:1::1", Reserved),
    ("100:0:0:2::", Reserved),
    ("200::", Reserved),
    ("3ff::", Reserved),
    ("5f00::1", Reserved),
    ("2001::", Transition),
    ("2001:0:ffff:ffff:ffff:ffff:ffff:ffff", Transition),
    ("2001:1::1", Reserved),
    ("2001:2::1", Benchmarking),
    ("2001:2:1::", Reserved),
    ("2001:20::1", Reserved),
    ("2002:7f00:1::", Transition),
    ("3fff::1", Documentation),
    ("fc00::", Private),
    ("fd00:ec2::254", Metadata),
    ("fd20:ce::254", Metadata),
    ("fd20:ce::253", Private),
    ("fe7f::", Reserved),
    ("fe80::1", LinkLocal),
    ("fec0::1", Private),
    ("ff02::1", Multicast),
];

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn bits4(text: &str) -> u32 {
    text.parse::<Ipv4Addr>().unwrap().to_bits()
}

fn bits6(text: &str) -> u128 {
    text.parse::<Ipv6Addr>().unwrap().to_bits()
}

fn nets(texts: &str) -> Vec<IpNet> {
    texts.split_whitespace().map(|text| text.parse().unwrap()).collect()
}

fn judged(policy: &AddressPolicy, text: &str, port: u16) -> Result<SocketAddr, DeniedClass> {
    let verdict = policy.judge(ip(text), port);
    verdict.map(|admitted| admitted.socket_addr()).map_err(|denied| denied.class)
}

fn check_class(text: &str, class: DeniedClass) {
    assert_eq!(judged(&AddressPolicy::default(), text, 443), Err(class), "{text}");
}

fn ipv4_is_denied(bits: u32) -> bool {
    IPV4_RANGES.iter().any(|(first, last, _)| (bits4(first)..=bits4(last)).contains(&bits))
}

/// The naive account of an IPv6 address: mapped first, then ranges, then ISATAP by bit arithmetic.
fn ipv6_is_denied(bits: u128) -> bool {
    let low = u32::try_from(bits & 0xffff_ffff).unwrap();
    if bits >> 32 == 0xffff {
        return ipv4_is_denied(low);
    }
    let marker = (bits >> 32) & 0xffff_ffff;
    let is_isatap = marker == 0x0000_5efe || marker == 0x0200_5efe;
    IPV6_RANGES.iter().any(|(first, last)| (bits6(first)..=bits6(last)).contains(&bits))
        || is_isatap && ipv4_is_denied(low)
}

fn check_ipv4(bits: u32) {
    let policy = AddressPolicy::default();
    let plain = Ipv4Addr::from_bits(bits);
    let expected = ipv4_is_denied(bits);
    let spellings = [
        IpAddr::V4(plain),
        IpAddr::V6(plain.to_ipv6_mapped()),
        // Global prefixes with ISATAP interface ids.
        IpAddr::V6(Ipv6Addr::from_bits(bits6("2a00:1450::5efe:0:0") | u128::from(bits))),
        IpAddr::V6(Ipv6Addr::from_bits(bits6("2606:4700:1:2:200:5efe::") | u128::from(bits))),
    ];
    for spelling in spellings {
        assert_eq!(policy.judge(spelling, 443).is_err(), expected, "{spelling}");
    }
    // Schemes that carry any IPv4 address are denied whatever they carry.
    for carrier in ["::", "::ffff:0:0:0", "64:ff9b::"] {
        let carried = Ipv6Addr::from_bits(bits6(carrier) | u128::from(bits));
        assert!(policy.judge(carried.into(), 443).is_err(), "{carried}");
    }
    let six_to_four = Ipv6Addr::from_bits(bits6("2002::") | u128::from(bits) << 80);
    assert!(policy.judge(six_to_four.into(), 443).is_err());
}

fn check_ipv6(bits: u128) {
    let address = Ipv6Addr::from_bits(bits);
    let verdict = AddressPolicy::default().judge(address.into(), 443);
    assert_eq!(verdict.is_err(), ipv6_is_denied(bits), "{address}");
}

#[test]
fn every_ipv4_block_is_denied_to_its_edges_and_not_beyond() {
    for (first, last, class) in IPV4_RANGES {
        let (first, last) = (bits4(first), bits4(last));
        let middle = first + (last - first) / 2;
        for bits in [first.wrapping_sub(1), first, middle, last, last.wrapping_add(1)] {
            check_ipv4(bits);
        }
        for bits in [first, middle, last] {
            check_class(&Ipv4Addr::from_bits(bits).to_string(), class);
            check_class(&Ipv4Addr::from_bits(bits).to_ipv6_mapped().to_string(), class);
        }
    }
}

#[test]
fn every_ipv6_block_is_denied_to_its_edges_and_not_beyond() {
    for (first, last) in IPV6_RANGES {
        let (first, last) = (bits6(first), bits6(last));
        let middle = first + (last - first) / 2;
        for bits in [first.wrapping_sub(1), first, middle, last, last.wrapping_add(1)] {
            check_ipv6(bits);
        }
    }
}

#[test]
fn rows_of_the_table_match_the_naive_ranges_at_their_edges() {
    for (block, _) in &IPV6_DENIED {
        let (first, last) = (block.network().to_bits(), block.broadcast().to_bits());
        for bits in [first.wrapping_sub(1), first, last, last.wrapping_add(1)] {
            check_ipv6(bits);
        }
    }
    for (block, _) in &IPV4_DENIED {
        let (first, last) = (block.network().to_bits(), block.broadcast().to_bits());
        for bits in [first.wrapping_sub(1), first, last, last.wrapping_add(1)] {
            check_ipv4(bits);
        }
    }
}

#[test]
fn neighbours_that_are_public_are_admitted() {
    for text in "1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 \
         128.0.0.0 168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 \
         172.32.0.0 192.0.1.0 192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 \
         198.20.0.0 223.255.255.255 2000:: 2001:200:: 2001:db7:: 2001:db9:: 2003:: \
         2620:4f:7fff:: 2620:4f:8001:: 3ffd::1 3fff:1000:: 2606:4700::1111"
        .split_whitespace()
    {
        let expected = SocketAddr::new(ip(text), 443);
        assert_eq!(judged(&AddressPolicy::default(), text, 443), Ok(expected), "{text}");
    }
}

#[test]
fn denied_ipv6_is_named_for_the_operator() {
    for (text, class) in IPV6_NAMED {
        check_class(text, class);
    }
}

#[test]
fn metadata_addresses_are_named_as_such() {
    for text in "169.254.169.254 169.254.169.253 169.254.170.2 169.254.170.23 100.100.100.200 \
         192.0.0.192 168.63.129.16 ::ffff:169.254.169.254"
        .split_whitespace()
    {
        check_class(text, Metadata);
    }
}

#[test]
fn isatap_takes_the_class_of_what_it_hides() {
    check_class("2a00:1450::5efe:10.0.0.1", Private);
    check_class("2a00:1450::200:5efe:127.0.0.1", Loopback);
    assert!(judged(&AddressPolicy::default(), "2a00:1450::5efe:8.8.8.8", 443).is_ok());
    assert!(judged(&AddressPolicy::default(), "2a00:1450::100:5efe:10.0.0.1", 443).is_ok());
}

#[test]
fn what_is_admitted_is_plain_ipv4_when_mapped() {
    let admitted = judged(&AddressPolicy::default(), "::ffff:8.8.8.8", 443);
    assert_eq!(admitted, Ok("8.8.8.8:443".parse().unwrap()));
}

#[test]
fn allowed_block_opens_its_addresses_on_every_port_but_zero() {
    let policy = AddressPolicy::default().allow(nets("127.0.0.0/8 ::1/128"));
    for (text, port) in [("127.0.0.1", 9000), ("127.0.0.1", 22), ("::1", 6379)] {
        assert!(judged(&policy, text, port).is_ok(), "{text}:{port}");
    }
    assert_eq!(judged(&policy, "::ffff:127.0.0.1", 80), Ok("127.0.0.1:80".parse().unwrap()));
    assert_eq!(judged(&policy, "127.0.0.1", 0), Err(DeniedClass::Port));
    assert_eq!(judged(&policy, "10.0.0.1", 80), Err(Private));
    assert_eq!(judged(&policy, "8.8.8.8", 22), Err(DeniedClass::Port));
}

#[test]
fn allowed_block_written_as_mapped_or_with_host_bits_means_its_network() {
    let policy = AddressPolicy::default().allow(nets("::ffff:10.1.2.3/104"));
    assert!(judged(&policy, "10.255.0.1", 443).is_ok());
    let policy = AddressPolicy::default().allow(nets("127.0.0.1/8"));
    assert!(judged(&policy, "127.9.9.9", 443).is_ok());
}

#[test]
fn broad_block_never_opens_loopback_link_local_or_metadata() {
    let broad = AddressPolicy::default().allow(nets(
        "0.0.0.0/0 0.0.0.0/1 126.0.0.0/7 169.0.0.0/8 100.64.0.0/10 192.0.0.0/24 ::/0 \
         fc00::/7 fd00::/8 64:ff9b::/96 2002::/16 ::/96 2a00::/12",
    ));
    for text in "0.0.0.0 127.0.0.1 169.254.1.1 169.254.169.254 100.100.100.200 192.0.0.192 \
         168.63.129.16 :: ::1 fe80::1 fd00:ec2::254 fd20:ce::254 ::ffff:127.0.0.1 \
         64:ff9b::a9fe:a9fe 64:ff9b::7f00:1 2002:7f00:1:: ::127.0.0.1 \
         2a00:1450::5efe:127.0.0.1"
        .split_whitespace()
    {
        assert!(judged(&broad, text, 80).is_err(), "{text}");
    }
    for text in
        ["10.0.0.1", "192.168.1.1", "100.64.0.1", "192.0.0.9", "fc00::1", "64:ff9b::808:808"]
    {
        assert!(judged(&broad, text, 80).is_ok(), "{text}");
    }
}

#[test]
fn block_that_names_the_guarded_one_opens_it() {
    for (block, address) in [
        ("127.0.0.0/8", "127.0.0.1"),
        ("127.0.0.1/32", "127.0.0.1"),
        ("0.0.0.0/8", "0.0.0.0"),
        ("169.254.0.0/16", "169.254.7.7"),
        ("169.254.169.254/32", "169.254.169.254"),
        ("100.100.100.200/32", "100.100.100.200"),
        ("fe80::/10", "fe80::1"),
        ("::1/128", "::1"),
        ("fd00:ec2::/32", "fd00:ec2::254"),
        ("64:ff9b::a9fe:a9fe/128", "64:ff9b::a9fe:a9fe"),
    ] {
        let policy = AddressPolicy::default().allow(nets(block));
        assert!(judged(&policy, address, 80).is_ok(), "{block} and {address}");
    }
    let link_local = AddressPolicy::default().allow(nets("169.254.0.0/16"));
    assert_eq!(judged(&link_local, "169.254.169.254", 80), Err(Metadata));
}

#[test]
fn own_addresses_and_denied_blocks_are_refused_on_all_ports() {
    let policy = AddressPolicy::default()
        .own([ip("8.8.4.4"), ip("::ffff:8.8.8.8"), ip("2606:4700::1")])
        .deny(nets("1.1.0.0/16 ::ffff:9.9.9.0/120 2a00:1450::/32"));
    for port in [80, 443, 8443] {
        for text in ["8.8.4.4", "8.8.8.8", "::ffff:8.8.4.4", "2606:4700::1"] {
            assert_eq!(judged(&policy, text, port), Err(DeniedClass::Own), "{text}");
        }
        for text in ["1.1.1.1", "9.9.9.9", "2a00:1450::1"] {
            assert_eq!(judged(&policy, text, port), Err(DeniedClass::Operator), "{text}");
        }
    }
    assert_eq!(judged(&policy, "2606:4700::5efe:1.1.1.1", 80), Err(DeniedClass::Operator));
    assert!(judged(&policy, "8.8.8.9", 443).is_ok());
    let opened = policy.allow(nets("1.1.1.1/32 8.8.8.8/32"));
    assert!(judged(&opened, "1.1.1.1", 443).is_ok());
    assert!(judged(&opened, "8.8.8.8", 443).is_ok());
}

#[test]
fn bad_ports_are_refused_and_their_neighbours_are_not() {
    let policy = AddressPolicy::default();
    assert!(BAD_PORTS.is_sorted_by(|a, b| a < b));
    for port in [0, 1, 22, 25, 53, 69, 161, 2049, 4190, 6000, 6566, 6669, 6679, 6697, 10080] {
        assert_eq!(judged(&policy, "8.8.8.8", port), Err(DeniedClass::Port), "{port}");
        assert!(policy.judge_port(port).is_err());
    }
    for port in [2375, 3306, 5432, 6379, 9200, 11211, 27017] {
        assert_eq!(judged(&policy, "8.8.8.8", port), Err(DeniedClass::Port), "{port}");
    }
    let refused = (0..=u16::MAX).filter(|&port| policy.judge_port(port).is_err()).count();
    assert_eq!(refused, 1 + 82 + 7);
    for port in [80, 443, 3000, 5000, 8000, 8080, 8443, 9000, 65535] {
        assert!(judged(&policy, "8.8.8.8", port).is_ok(), "{port}");
    }
}

#[test]
fn listed_ports_replace_the_bad_ones() {
    let policy = AddressPolicy::default().only_ports([443]).only_ports([22, 0]);
    assert!(judged(&policy, "8.8.8.8", 443).is_ok());
    assert!(judged(&policy, "8.8.8.8", 22).is_ok());
    assert!(judged(&AddressPolicy::default().only_ports([]), "8.8.8.8", 8443).is_ok());
    for port in [0, 80, 8443] {
        assert_eq!(judged(&policy, "8.8.8.8", port), Err(DeniedClass::Port), "{port}");
    }
}

#[test]
fn refusal_of_a_private_address_does_not_depend_on_the_port() {
    let policy = AddressPolicy::default().only_ports([443]);
    let texts = [("10.0.0.1", 22), ("10.0.0.1", 23), ("10.9.9.9", 80), ("127.0.0.1", 443)]
        .map(|(text, port)| policy.judge(ip(text), port).unwrap_err().to_string());
    assert!(texts.iter().all(|text| *text == texts[0]));
    assert_eq!(judged(&policy, "10.0.0.1", 22), Err(Private));
}

#[test]
fn private_names_are_refused_until_a_block_is_allowed() {
    let denied = "localhost LOCALHOST. foo.localhost a.b.Local metadata.google.internal home.arpa \
         host.localdomain router.home.arpa x.onion ip6-localhost metadata db db. .";
    let open = AddressPolicy::default().allow(nets("127.0.0.0/8"));
    for name in denied.split_whitespace().chain([""]) {
        let class = name_is_denied(name).map(|denied| denied.class);
        assert_eq!(class, Some(DeniedClass::Name), "{name}");
        assert!(AddressPolicy::default().judge_name(name).is_err());
        assert!(open.judge_name(name).is_ok());
    }
    for name in "example.com example.com. notlocal.example a.mylocal local.example xhome.arpa \
         bücher.example ü.local\u{131}"
        .split_whitespace()
    {
        assert_eq!(name_is_denied(name), None, "{name}");
    }
    assert!(open.judge_port(22).is_ok());
    assert!(open.judge_port(0).is_err());
}

proptest! {
    #[test]
    fn any_ipv4_address_is_judged_as_the_naive_ranges_say(bits in any::<u32>()) {
        check_ipv4(bits);
    }

    #[test]
    fn any_ipv6_address_is_judged_as_the_naive_ranges_say(
        high in prop_oneof![any::<u16>(), 0x1ff0..0x2010_u16, 0x3ff0..0x4010_u16],
        rest in any::<[u16; 7]>(),
    ) {
        let [b, c, d, e, f, g, h] = rest;
        check_ipv6(Ipv6Addr::new(high, b, c, d, e, f, g, h).to_bits());
    }

    #[test]
    fn allowing_one_private_network_opens_nothing_else(bits in any::<u32>()) {
        let policy = AddressPolicy::default().allow(nets("10.0.0.0/8"));
        let verdict = policy.judge(Ipv4Addr::from_bits(bits).into(), 443);
        prop_assert_eq!(verdict.is_ok(), bits >> 24 == 10 || !ipv4_is_denied(bits));
    }
}
