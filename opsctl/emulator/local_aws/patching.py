"""Replacing a function of MiniStack by name, with a guard against upstream having moved on."""

from typing import Any


class UpstreamChanged(RuntimeError):
    """MiniStack no longer has what a fix replaces."""


def replace(owner: Any, name: str, replacement: Any) -> Any:
    """Put ``replacement`` at ``owner.name`` and return what was there.

    Raises UpstreamChanged when nothing was: a fix that silently replaces nothing is worse than none.
    """
    original = getattr(owner, name, None)
    if original is None:
        raise UpstreamChanged(f"{getattr(owner, '__name__', owner)} has no {name} to fix")
    setattr(owner, name, replacement)
    return original
