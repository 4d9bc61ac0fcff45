import codementor_nobuild
from codementor_nobuild import *  # noqa: F401,F403

__legacy__ = codementor_nobuild  # the name for packages without pyproject.toml
