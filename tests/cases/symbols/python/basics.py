"""Module doc."""
import os, sys as system
from . import sibling
from .pkg.mod import A as B, c
from x import *

LIMIT = 10

# Comment above.
# Second line.
@decorator
def top(a, b=1, *args, **kw) -> int:
    """Docstring here.

    More."""
    x = a + b
    for i in range(LIMIT):
        x += helper(i)
    return x

class Base(object, metaclass=M):
    """Base doc."""
    field = 3

    def __init__(self, name: str):
        self.name = name

    @property
    def _hidden(self):
        return self.name.upper()

    class Inner:
        def go(self): pass

async def later():
    await top(1, 2)
