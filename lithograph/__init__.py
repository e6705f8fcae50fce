"""The face of Lithograph: what users import; it knows no machinery, only where the machinery is."""

import os

__version__ = "0.1.0"

# In a checkout ir/, codegen/, runtime/ and tracer/ lie beside this folder; once installed, inside it.
_here = os.path.dirname(os.path.abspath(__file__))
_beside = os.path.join(os.path.dirname(_here), "ir", "__init__.py")
if os.path.isfile(_beside) and not os.path.isdir(os.path.join(_here, "ir")):
    __path__.append(os.path.dirname(_here))
