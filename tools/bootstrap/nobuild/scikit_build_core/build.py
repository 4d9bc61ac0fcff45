from codementor_nobuild import *  # noqa: F401,F403
