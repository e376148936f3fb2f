"""Feeds for the benches of the ears: of every size an operator has, and of every kind that harms a reader."""

from collections.abc import Iterator

_ITEM = """<item><guid isPermaLink="false">incident-{n}</guid><link>https://status.example/incidents/{n}</link>
<title>[Résolu] Perturbation numéro {n} de la messagerie</title>
<pubDate>Mon, 12 Feb 2024 08:{minute:02}:00 +0100</pubDate>
<description>&lt;p&gt;&lt;strong&gt;Résolu&lt;/strong&gt; - {text}&lt;/p&gt;</description></item>"""
_TEXT = "Nos équipes ont rétabli le service ; certains clients ont pu ne pas recevoir leurs messages. "


def feed(entries: int, *, version: int = 0, sentences: int = 3) -> bytes:
    """RSS as operators write it; another version has another newest entry."""
    numbers = [*range(entries - 1), entries + version]
    items = "".join(_ITEM.format(n=n, minute=n % 60, text=_TEXT * sentences) for n in numbers)
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>État</title>{items}</channel></rss>'.encode()


def _titled(title: str, before: str = "") -> bytes:
    return f'{before}<rss version="2.0"><channel><item><title>{title}</title></item></channel></rss>'.encode()


def hostile() -> Iterator[tuple[str, bytes]]:
    """Name and body of each: FAULTS 20 to 27, the largest just under the cap of the client."""
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    yield "entity-bomb", _titled("&l9;", f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{levels}]>')
    yield "external", _titled("a&x;b", '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/hostname">]>')
    attributes = b" ".join(b'a%d="1"' % n for n in range(100_000))
    yield "attributes", b'<rss version="2.0" ' + attributes + b"><channel/></rss>"
    yield "nested", b'<rss version="2.0">' + b"<a>" * 200_000 + b"</a>" * 200_000
    yield "nested-html", _titled("&lt;div&gt;" * 200_000)
    yield "less-than", b'<rss version="2.0">' + b"<" * 2_000_000
    yield "path", b"/etc/hostname"
    yield "url", b"file:///etc/hostname"
    yield "html", b"<!DOCTYPE html><html><head><title>503</title></head><body>" + b"<p>x</p>" * 100_000
    yield "spaces", b" " * 5_000_000
    yield "charset", b'<?xml version="1.0" encoding="utf-16"?><rss version="2.0"><channel/></rss>'
    yield "cut", feed(100)[:-500]
    yield "long", feed(300, sentences=160)
    yield "many", feed(5_000)
    dates = "".join(
        f"<item><guid>{n}</guid><title>x</title><pubDate>{'1 ' * 9_000}</pubDate></item>" for n in range(250)
    )
    yield "dates", f'<rss version="2.0"><channel>{dates}</channel></rss>'.encode()
    words = "panne en cours de resolution " * 600
    items = "".join(
        f"<item><guid>{n}</guid><title>Point</title><description>{words}</description></item>" for n in range(280)
    )
    yield "one-sentence", f'<rss version="2.0"><channel>{items}</channel></rss>'.encode()
