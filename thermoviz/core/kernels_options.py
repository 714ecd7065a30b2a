"""How kernels are compiled: `entry` for what Python calls, `part` for what is compiled into entries only.

numba optimises each function by itself, writes machine code for it, and does both again in each of its callers. Of a
part neither is wanted: it keeps its LLVM code as it was written, and is optimised where it is linked into an entry.
That, and no wrappers for Python around parts, halves the time that compiling takes. A part must neither print nor
raise: only an entry has the environment that numba needs for it.

Source: numba documentation, "Customizing the Compiler".
"""

import contextlib
import gc
import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import llvmlite.binding as llvm
import numba
from numba.core import codegen, compiler, errors, event, types
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.registry import cpu_target
from numba.core.typed_passes import NopythonRewrites
from numba.core.typing.templates import _OverloadFunctionTemplate

from . import compiling
from .kernels_cache import CACHE


class _NoEnvironment:
    """A part's code generator: it runs nothing by itself, so that there is no environment to set."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def set_env(self, name: str, environment: Any) -> None:
        """Nowhere to set it."""


class _Entry(codegen.JITCodeLibrary):
    """Machine code, into which all parts are linked that are called, from parts too."""

    def add_linking_library(self, library: Any) -> None:
        """numba's protocol: code that this one needs."""
        super().add_linking_library(library)
        if isinstance(library, _Part):
            for inner in library._linking_libraries:
                self.add_linking_library(inner)

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout


class _Part(codegen.JITCodeLibrary):
    """LLVM code to be linked into other code, neither optimised nor made into machine code by itself."""

    @property
    def codegen(self) -> Any:
        return _NoEnvironment(self._codegen)

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout

    def finalize(self) -> None:
        """Nothing is linked here: that is the entry's."""
        self._raise_if_finalized()
        self._finalize_dynamic_globals()
        self._finalized = True

    def _get_module_for_linking(self) -> Any:
        self._ensure_finalized()
        if self._shared_module is None:
            self._shared_module = self._final_module
            for function in self._final_module.functions:
                if not function.is_declaration and function.linkage == llvm.Linkage.external:
                    function.linkage = "linkonce_odr"
        return self._shared_module

    def get_pointer_to_function(self, name: str) -> int:
        """0: it cannot be called from Python."""
        self._ensure_finalized()
        return 0


class _Into(FunctionPass):
    """Lowers a function into a `library`."""

    library: type[codegen.JITCodeLibrary]

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """numba's protocol: whether the function was changed."""
        state.library = self.library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()  # so that an entry can be kept on disk
        return False


@register_pass(mutates_CFG=False, analysis_only=True)
class _IntoPart(_Into):
    _name, library = "thermoviz_into_part", _Part


@register_pass(mutates_CFG=False, analysis_only=True)
class _IntoEntry(_Into):
    _name, library = "thermoviz_into_entry", _Entry


class _Typing:
    """numba's typing, which remembers what operators and Python's own functions make of types: it would ask thirty
    templates anew for every sum of two indices, and first those that concern strings and sets."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self._known: dict[Any, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def resolve_function_type(self, func: Any, args: Any, kws: Any) -> Any:
        """The signature of func for arguments of these types, as numba's own."""
        key = getattr(func, "typing_key", func)
        if kws or getattr(key, "__module__", "") not in (operator.add.__module__, max.__module__):
            return self._real.resolve_function_type(func, args, kws)
        asked = key, tuple(args)
        if asked not in self._known:
            self._known[asked] = self._of_few(func, args) or self._real.resolve_function_type(func, args, kws)
        return self._known[asked]

    def _of_few(self, func: Any, args: Any) -> Any:
        """What the templates say that need nothing compiled; None: nothing."""
        function = self._real._lookup_global(func) or func
        few = [one for one in getattr(function, "templates", ()) if not issubclass(one, _OverloadFunctionTemplate)]
        if not few:
            return None
        with contextlib.suppress(errors.TypingError):
            kind = types.Function(few)
            signature = kind.get_call_type(self._real, args, {})
            function._impl_keys.update(vars(kind)["_impl_keys"])
            return signature
        return None


_typing: Any = _Typing(cpu_target.typing_context)


class _Compiler(compiler.CompilerBase):
    """numba's own steps, with one before the last that says into what a function is lowered."""

    into: type[_Into]

    def __init__(self, typing: Any, *more: Any) -> None:
        super().__init__(_typing, *more)

    def define_pipelines(self) -> list[Any]:
        """numba's protocol."""
        steps = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
        steps.add_pass_after(self.into, NopythonRewrites)
        steps.finalize()
        return [steps]


class EntryCompiler(_Compiler):
    """Also for whoever else calls parts: numba's own compiler would leave out the parts of parts."""

    into = _IntoEntry


class _PartCompiler(_Compiler):
    into = _IntoPart


ENTRY: dict[str, Any] = {"error_model": "numpy", "nogil": True, "cache": CACHE, "no_cfunc_wrapper": True,
                         "pipeline_class": EntryCompiler}
# What parts are compiled with, also where `overload` asks for options.
PART: dict[str, Any] = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True,
                        "pipeline_class": _PartCompiler}


class _Heard(event.Listener):
    """numba begins to compile something: nothing of the sort happens where a kernel comes from disk.

    Meanwhile no garbage is collected: a compiler makes millions of small objects, and looking through them, and all
    that is loaded, again and again takes a quarter of its time. numba compiles in one thread at a time.
    """

    def __init__(self) -> None:
        self._inside, self._collects = 0, False

    def on_start(self, event: Any) -> None:
        if self._inside == 0:
            self._collects = gc.isenabled()
            gc.disable()
        self._inside += 1
        compiling.tell()

    def on_end(self, event: Any) -> None:
        self._inside -= 1
        if self._inside == 0 and self._collects:
            gc.enable()


event.register("numba:compile", _Heard())


def _refuse(*arguments: Any, **named: Any) -> None:
    raise TypeError("this is a part of compiled code: Python calls an entry.")


def part(function: Callable[..., Any] | None = None, *, fastmath: set[str] | bool = False) -> Any:
    """Decorator of a compiled function that only compiled functions call. fastmath: LLVM's flags."""
    if function is None:
        return partial(part, fastmath=fastmath)
    compiled: Any = numba.njit(fastmath=fastmath, **PART)(function)
    # There is no machine code: numba must not call it, as it would where it has compiled it for these types.
    compiled._insert, compiled._compile_for_args = (lambda *entry_point: None), _refuse
    return compiled


def entry(function: Callable[..., Any] | None = None, *, allocates: bool = False) -> Any:
    """Decorator of a compiled function that Python calls: it lets other threads run, and is kept on disk.

    Each new combination of argument types is compiled anew, for seconds: callers pass C-contiguous writable arrays,
    Python's numbers, and no arguments by name. allocates: whether it, or a part of it, makes arrays; elsewhere none are
    counted, which spares a good part of the code.
    """
    if function is None:
        return partial(entry, allocates=allocates)
    options: dict[str, Any] = {**ENTRY, "_nrt": allocates}
    return numba.njit(**options)(function)
