"""How URLs of strangers are read, and which are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoplay.domain.errors import ConfigError, InvalidInput, TargetForbidden
from photoplay.egress.target import HostPort, Target, parse_allow, parse_ports, parse_target

NOBODY: frozenset[HostPort] = frozenset()

READ = [
    ("http://example.com", "http://example.com/"),
    ("https://example.com/", "https://example.com/"),
    ("HTTPS://EXAMPLE.com/A", "https://example.com/A"),
    ("http://example.com:80/", "http://example.com/"),
    ("https://example.com:443/", "https://example.com/"),
    ("http://example.com:443/", "http://example.com:443/"),
    ("https://example.com:0080/", "https://example.com:80/"),
    ("https://example.com.", "https://example.com/"),
    ("https://example.com?x=1", "https://example.com/?x=1"),
    ("https://example.com/a?x=/../b#c", "https://example.com/a?x=/../b"),
    ("https://example.com/#@127.0.0.1/", "https://example.com/"),
    ("https://example.com/@127.0.0.1", "https://example.com/@127.0.0.1"),
    ("https://example.com/?u=http://127.0.0.1/", "https://example.com/?u=http://127.0.0.1/"),
    ("https://example.com/a%20b%2Fc", "https://example.com/a%20b%2Fc"),
    ("https://example.com/100%", "https://example.com/100%"),
    ("https://example.com/é.png", "https://example.com/%C3%A9.png"),
    ('https://example.com/<"{|}>', "https://example.com/%3C%22%7B%7C%7D%3E"),
    ("https://my_bucket.s3.example.com/k", "https://my_bucket.s3.example.com/k"),
    ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
    ("https://bücher.example/", "https://xn--bcher-kva.example/"),
    ("https://BÜCHER.example/", "https://xn--bcher-kva.example/"),
    ("https://例え。テスト/", "https://xn--r8jz45g.xn--zckzah/"),
    ("https://\uff45\uff58\uff41\uff4d\uff50\uff4c\uff45.com/", "https://example.com/"),
    ("https://8.8.8.8/", "https://8.8.8.8/"),
    ("https://[2606:4700:4700::1111]/", "https://[2606:4700:4700::1111]/"),
    ("https://[2606:4700:4700:0:0:0:0:1111]:80/", "https://[2606:4700:4700::1111]:80/"),
    ("https://1.example/", "https://1.example/"),
    ("https://0x7f.1.example/", "https://0x7f.1.example/"),
    ("https://localhost/", "https://localhost/"),
    ("https://" + "a" * 63 + ".example/", "https://" + "a" * 63 + ".example/"),
    ("https://example.com/" + "a" * 2028, "https://example.com/" + "a" * 2028),
]

MALFORMED = [
    "",
    "example.com",
    "//example.com/",
    "/etc/passwd",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "data:image/png;base64,AAAA",
    "javascript:alert(1)",
    "unix:///run/docker.sock",
    "http\u017f://example.com/",
    "http:/example.com/",
    "http:example.com/",
    "http://",
    "http:///path",
    "http://?x",
    "http://:80/",
    "http://.",
    "http://.example.com/",
    "http://a..b/",
    "http://example.com../",
    "http://-a.example/",
    "http://a-.example/",
    "http://a!b.example/",
    "http://a%2eb.example/",
    "http://%31%32%37.0.0.1/",
    "http://" + "a" * 64 + ".example/",
    "http://" + "a." * 130 + "example/",
    "http://" + "é" * 300 + "/",
    "http://user@example.com/",
    "http://user:secret@example.com/",
    "http://@example.com/",
    "http://example.com@127.0.0.1/",
    "http://127.0.0.1@example.com@x/",
    "http://example.com\\@127.0.0.1/",
    "http:\\\\example.com/",
    "http://example.com/a\\b",
    " http://example.com/",
    "http://example.com/ ",
    "http://exa mple.com/",
    "http://example.com/a b",
    "http://example.com/a\u00a0b",
    "http://example.com/\r\nHost: x",
    "http://exam\tple.com/",
    "http://example.com/\x00",
    "http://example.com/\x7f",
    "http://example.com/\x85",
    "http://example.com/\ud800",
    "http://example.com:/",
    "http://example.com:x/",
    "http://example.com:-80/",
    "http://example.com:+80/",
    "http://example.com:٨٠/",
    "http://example.com:80:80/",
    "http://example.com:0/",
    "http://example.com:22/",
    "http://example.com:8080/",
    "http://example.com:65536/",
    "http://example.com:100000/",
    "http://8.8.8.8:6379/",
    "http://0x7f.1/",
    "http://0x7f000001/",
    "http://0x/",
    "http://2130706433/",
    "http://017700000001/",
    "http://0177.0.0.1/",
    "http://0177.0.0.01/",
    "http://127.1/",
    "http://127.0.1/",
    "http://127.0.0.1.1/",
    "http://127.0.0.0x1/",
    "http://8.8.8.256/",
    "http://8.8.8.08/",
    "http://example.1/",
    "http://[::1/",
    "http://::1/",
    "http://[]/",
    "http://[127.0.0.1]/",
    "http://[example.com]/",
    "http://[v1.fe80]/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[::1]x/",
    "http://[::1]:/",
    "http://[[::1]]/",
    "http://xn--a\u200d.example/",
    "https://example.com/" + "a" * 2029,
]

FORBIDDEN = [
    "http://127.0.0.1/",
    "http://127.0.0.1./",
    "http://127.0.0.1:8787/",
    "http://0.0.0.0/",
    "http://169.254.169.254/latest/meta-data/",
    "http://10.0.0.1/",
    "http://168.63.129.16/",
    "http://255.255.255.255/",
    "http://\uff11\uff12\uff17.\uff10.\uff10.\uff11/",
    "http://127。0。0。1/",
    "http://①②⑦.⓪.⓪.①/",
    "http://[::]/",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
]


@pytest.mark.parametrize(("url", "rebuilt"), READ)
def test_url_is_rebuilt_from_its_parts(url: str, rebuilt: str) -> None:
    assert parse_target(url, allow=NOBODY, field="image_url").url == rebuilt


@pytest.mark.parametrize("url", MALFORMED)
def test_malformed_url_is_invalid_and_named_by_field(url: str) -> None:
    with pytest.raises(InvalidInput, match=r"^image_url is not a URL that can be fetched: ") as caught:
        parse_target(url, allow=NOBODY, field="image_url")

    assert caught.value.field == "image_url"


@pytest.mark.parametrize("url", FORBIDDEN)
def test_literal_that_is_not_public_is_forbidden(url: str) -> None:
    with pytest.raises(TargetForbidden, match=r"^image_url: the address is not public$"):
        parse_target(url, allow=NOBODY, field="image_url")


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("127.0.0.1:9000", "http://127.0.0.1:9000/a"),
        ("localhost:9000", "http://LOCALHOST.:9000/a"),
        ("[::1]:9000", "https://[0::1]:9000/a"),
        ("minio:80", "http://minio/a"),
        ("8.8.8.8:53", "http://8.8.8.8:53/"),
    ],
)
def test_allowed_place_is_read(entry: str, url: str) -> None:
    assert parse_target(url, allow=parse_allow(entry), field="f").place in parse_allow(entry)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1:9001/",
        "http://127.0.0.2:9000/",
        "http://[::ffff:127.0.0.1]:9000/",
        "http://[::1]:9000/",
    ],
)
def test_allowed_place_allows_nothing_beside_it(url: str) -> None:
    with pytest.raises(TargetForbidden):
        parse_target(url, allow=parse_allow("127.0.0.1:9000, localhost:9000"), field="f")


def test_allow_list_is_read_with_spaces_and_empty_entries() -> None:
    assert parse_allow(" LocalHost:9000 , [0::1]:80,, ") == {
        HostPort(host="localhost", port=9000),
        HostPort(host="::1", port=80),
    }
    assert parse_allow("") == frozenset()


@pytest.mark.parametrize(
    "entry",
    ["localhost", "localhost:", ":80", "a:0", "a:65536", "a:b", "http://a:80", "u@a:80", "::1:80", "*:80", "127.1:80"],
)
def test_bad_allow_entry_is_named(entry: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_allow(f"localhost:9000,{entry}")

    assert repr(entry) in str(caught.value)


def test_ports_are_read_with_spaces_and_empty_entries() -> None:
    assert parse_ports(" 8080, 8443,, ") == {8080, 8443}
    assert parse_ports("") == frozenset()


@pytest.mark.parametrize("entry", ["0", "65536", "-1", "http", "80-90", "8 0", "٨٠"])
def test_bad_port_is_named(entry: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_ports(f"8080,{entry}")

    assert repr(entry) in str(caught.value)


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("http://example.com/", "example.com"),
        ("http://example.com:443/", "example.com:443"),
        ("https://[2606:4700:4700::1111]/", "[2606:4700:4700::1111]"),
        ("http://[2606:4700:4700::1111]:443/", "[2606:4700:4700::1111]:443"),
    ],
)
def test_authority_holds_the_port_only_when_it_says_something(url: str, authority: str) -> None:
    assert parse_target(url, allow=NOBODY, field="f").authority == authority


@given(st.text(max_size=80).map("http://{}".format) | st.from_regex(r"\Ahttps?://[ -~]{0,40}\Z"))
def test_any_text_is_read_or_refused_in_our_words(url: str) -> None:
    try:
        target = parse_target(url, allow=NOBODY, field="f")
    except (InvalidInput, TargetForbidden):
        return

    assert target.url.isascii()
    assert reread(target) == target


def reread(target: Target) -> Target:
    return parse_target(target.url, allow=NOBODY, field="f")
