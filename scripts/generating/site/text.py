"""Markdown to HTML, for descriptions and guides."""

import re
from collections.abc import Callable
from html import escape

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from generating.site.samples import END, MARK

_SHORT = MarkdownIt("commonmark", {"html": False})
_LONG = MarkdownIt("commonmark", {"html": False}).enable("table")
_CODE_WIDTH = re.compile(r"(?<=[^/])/(?=[{\w])")

Link = Callable[[str], str | None]
"""Where a link of the source leads on the page; None: nowhere, so it stays text."""


def _relinked(tokens: list[Token], link: Link) -> None:
    for token in tokens:
        if token.children:
            _relinked(token.children, link)
    kept: list[str] = []
    for token in tokens:
        if token.type == "link_open":
            target = link(str(token.attrGet("href")))
            kept.append("a" if target else "")
            if target:
                token.attrSet("href", target)
            else:
                token.tag, token.type, token.nesting, token.content = "", "html_inline", 0, ""
        elif token.type == "link_close" and not kept.pop():
            token.tag, token.type, token.nesting, token.content = "", "html_inline", 0, ""


def inline(text: str, link: Link = lambda target: None) -> Markup:
    """One paragraph's text, without its `<p>`."""
    tokens = _SHORT.parseInline(text)
    _relinked(tokens, link)
    return Markup(_SHORT.renderer.render(tokens, _SHORT.options, {}))


def blocks(text: str, link: Link = lambda target: None) -> Markup:
    """Paragraphs and lists."""
    tokens = _SHORT.parse(text)
    _relinked(tokens, link)
    return Markup(_SHORT.renderer.render(tokens, _SHORT.options, {}))


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


class Guide:
    """A Markdown page: its title, its headings, and its HTML."""

    def __init__(self, text: str, link: Link) -> None:
        text = re.sub(r"<!--.*?-->\n*", "", text, flags=re.DOTALL)
        tokens = _LONG.parse(text)
        self.title = ""
        self.lead = ""
        self.headings: list[tuple[str, str]] = []
        for place, token in enumerate(tokens):
            if token.type == "heading_open":
                words = re.sub(r"[`*]", "", tokens[place + 1].content)
                if token.tag == "h1":
                    self.title = words
                else:
                    token.attrSet("id", slug(words))
                    if token.tag == "h2":
                        self.headings.append((slug(words), words))
            elif token.type == "paragraph_open" and self.title and not self.lead and not tokens[place + 1].content.startswith("!"):
                self.lead = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", tokens[place + 1].content.replace("\n", " "))
        _relinked(tokens, link)
        html = _LONG.renderer.render(tokens, _LONG.options, {})
        name = 0

        def framed(match: re.Match[str]) -> str:
            nonlocal name
            name += 1
            return f'<div class="scroll" tabindex="0" role="region" aria-label="Table {name}">{match[0]}</div>'

        html = re.sub(r"<table>.*?</table>", framed, html, flags=re.DOTALL)
        html = html.replace("<th>", '<th scope="col">')
        count = 0

        def shell(match: re.Match[str]) -> str:
            nonlocal count
            count += 1
            return f'<pre class="reply" tabindex="0" role="group" aria-label="Example {count}"><code>'

        self.html = Markup(re.sub(r"<pre><code[^>]*>", shell, html))


def code(marked: str) -> Markup:
    """Code with its marks as `<b>`."""
    return Markup(escape(marked, quote=False).replace(MARK, "<b>").replace(END, "</b>"))


def breakable(path: str) -> Markup:
    """A path that may be broken before each slash; its parameters are strong."""
    text = re.sub(r"({\w+})", r"<strong>\1</strong>", escape(path))
    return Markup(text.replace("/", "<wbr>/").replace("<<wbr>/", "</"))


def plain(markdown: str) -> str:
    """The words alone, for the index of the search."""
    return re.sub(r"\s+", " ", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"[`*]", "", markdown))).strip()
