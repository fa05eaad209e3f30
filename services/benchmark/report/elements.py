"""Elements of the page. Text goes in as text: nothing that was said can become markup."""

import re
from xml.etree.ElementTree import Element, tostring

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def e(tag: str, *children: Element | str | None, **attributes: str | float) -> Element:
    """An element: `e("a", "text", href="#top", class_="link", stroke_width=2)`. None is left out."""
    element = Element(tag, {_name(name): _value(value) for name, value in attributes.items()})
    last: Element | None = None
    for child in children:
        if isinstance(child, Element):
            element.append(child)
            last = child
        elif child is not None:
            text = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", child)
            if last is None:
                element.text = (element.text or "") + text
            else:
                last.tail = (last.tail or "") + text
    return element


def html(root: Element) -> str:
    """A document in HTML 5."""
    return f"<!DOCTYPE html>\n{tostring(root, encoding='unicode', method='html')}\n"


def _name(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _value(value: str | float) -> str:
    return _UNPRINTABLE.sub("", value) if isinstance(value, str) else f"{value:.6g}"
