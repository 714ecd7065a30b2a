"""How kernels are compiled: `entry` for what Python calls, `part` for what is compiled into entries only.

numba optimises each function by itself, writes machine code for it, and does both again in each of its callers. Of a
part neither is wanted: it keeps its LLVM code as it was written, and is optimised where it is linked into an entry.
A part must neither print nor raise: only an entry has the environment that numba needs for it.

Most of what compiling takes is Python's: numba's steps are no more than kernels need, and loops, numbers of arrays and
their rows are put into a few words of LLVM. So kernels keep to a part of the language: indices that are variables do
not count from the end, a range's step that is a variable is positive, and whole arrays are written as loops.

Source: numba documentation, "Customizing the Compiler".
"""

import gc
import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import llvmlite.binding as llvm
import numba
from llvmlite import ir
from numba.core import codegen, compiler, datamodel, event, lowering, types
from numba.core.compiler_machinery import FunctionPass, PassManager, register_pass
from numba.core.registry import cpu_target
from numba.core.typed_passes import (
    IRLegalization,
    NativeLowering,
    NoPythonBackend,
    NopythonTypeInference,
    PreLowerStripPhis,
)
from numba.core.typing.templates import _OverloadFunctionTemplate
from numba.core.untyped_passes import FixupArgs, GenericRewrites, IRProcessing, ReconstructSSA, TranslateByteCode

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

    def _optimize_final_module(self) -> None:
        tuning = llvm.create_pipeline_tuning_options(speed_level=3)
        # What gains by several sums at once has them in its own words (`tiles`, `units`, `lanes`).
        tuning.loop_unrolling = tuning.loop_interleaving = tuning.slp_vectorization = False
        builder = llvm.create_pass_builder(self._codegen._tm, tuning)
        passes = builder.getModulePassManager()
        passes.add_refprune_pass()
        passes.run(self._final_module, builder)


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


def _nothing_new() -> None:
    """What numba has to say once a function is typed."""


class _Into(FunctionPass):
    """Lowers a function into a `library`."""

    library: type[codegen.JITCodeLibrary]

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """numba's protocol: whether the function was changed."""
        state.library = self.library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()  # so that an entry can be kept on disk
        # numba would look for new definitions at every array that a function holds.
        state.targetctx.refresh()
        state.targetctx.refresh = _nothing_new
        return False


@register_pass(mutates_CFG=False, analysis_only=True)
class _IntoPart(_Into):
    _name, library = "thermoviz_into_part", _Part


@register_pass(mutates_CFG=False, analysis_only=True)
class _IntoEntry(_Into):
    _name, library = "thermoviz_into_entry", _Entry


class _Lower(lowering.Lower):
    """Numbers and rows of contiguous arrays by bare addresses: in numba's words each is twenty instructions and more,
    most of which ask whether an index counts from the end. In kernels, literals alone do."""

    def _direct(self, array: Any, index: Any) -> bool:
        """Whether array[index] is at a plain distance from the array's first number."""
        kind, place = self.typeof(array.name), self.typeof(index.name)
        return (isinstance(kind, types.Array) and kind.layout == "C" and isinstance(place, types.Integer)
                and getattr(place, "literal_value", 0) >= 0)

    def _address(self, array: Any, index: Any) -> tuple[Any, Any]:
        """(the array, where array[index] begins)."""
        kind, whole = self.typeof(array.name), self.loadvar(array.name)
        at = self.context.cast(self.builder, self.loadvar(index.name), self.typeof(index.name), types.intp)
        shape = self.builder.extract_value(whole, FIELDS.index("shape"))
        for axis in range(1, kind.ndim):
            at = self.builder.mul(at, self.builder.extract_value(shape, axis), flags=["nsw"])
        return whole, self.builder.gep(self.builder.extract_value(whole, FIELDS.index("data")), [at])

    def lower_getitem(self, kind: Any, expression: Any, value: Any, index: Any, signature: Any) -> Any:
        """numba's protocol: value[index], of type `kind`."""
        array = self.typeof(value.name)
        if not self._direct(value, index) or (array.ndim > 1 and self.context.enable_nrt):
            return super().lower_getitem(kind, expression, value, index, signature)
        whole, address = self._address(value, index)
        if array.ndim > 1:
            return self._row(array, kind, whole, address)
        return self.context.cast(self.builder, self.context.unpack_value(self.builder, array.dtype, address),
                                 array.dtype, kind)

    def _row(self, array: Any, kind: Any, whole: Any, address: Any) -> Any:
        """The row of an array `whole` that begins at an address."""
        b, shape, strides = self.builder, FIELDS.index("shape"), FIELDS.index("strides")
        row, count = self._struct(kind), None
        for name in ("meminfo", "parent", "itemsize"):
            row = b.insert_value(row, b.extract_value(whole, FIELDS.index(name)), FIELDS.index(name))
        for axis in range(1, array.ndim):
            size = b.extract_value(whole, (shape, axis))
            count = size if count is None else b.mul(count, size, flags=["nsw"])
            row = b.insert_value(row, size, (shape, axis - 1))
            row = b.insert_value(row, b.extract_value(whole, (strides, axis)), (strides, axis - 1))
        row = b.insert_value(row, count, FIELDS.index("nitems"))
        return b.insert_value(row, address, FIELDS.index("data"))

    def lower_setitem(self, target: Any, index: Any, value: Any, signature: Any) -> Any:
        """numba's protocol: target[index] = value."""
        array, kind = self.typeof(target.name), self.typeof(value.name)
        if not self._direct(target, index) or array.ndim > 1:
            return super().lower_setitem(target, index, value, signature)
        number = self.context.cast(self.builder, self.loadvar(value.name), kind, array.dtype)
        self.context.pack_value(self.builder, array.dtype, number, self._address(target, index)[1])
        return None

    def lower_expr(self, kind: Any, expression: Any) -> Any:
        """numba's protocol: the value of an expression."""
        shorter = getattr(self, f"_{expression.op}", None)
        value = shorter and shorter(kind, expression)
        return super().lower_expr(kind, expression) if value is None else value

    def _getattr(self, kind: Any, expression: Any) -> Any:
        """The size or the shape of an array."""
        if expression.attr not in ATTRIBUTES or not isinstance(self.typeof(expression.value.name), types.Array):
            return None
        return self.builder.extract_value(self.loadvar(expression.value.name), ATTRIBUTES[expression.attr])

    def _call(self, kind: Any, expression: Any) -> Any:
        """A range: (start, stop, step)."""
        if not isinstance(kind, types.RangeType):
            return None
        given = [self.context.cast(self.builder, self.loadvar(one.name), self.typeof(one.name), kind.dtype)
                 for one in expression.args]
        zero, one = (self.context.get_constant(kind.dtype, number) for number in (0, 1))
        start, stop, step = {1: [zero, *given, one], 2: [*given, one]}.get(len(given), given)
        return self._struct(kind, start, stop, step)

    def _getiter(self, kind: Any, expression: Any) -> Any:
        """What counts through a range: (address of the next, stop, step, address of how many are left)."""
        limits = self.loadvar(expression.value.name)
        if not isinstance(kind, types.RangeIteratorType) or not isinstance(limits, ir.instructions.InsertValue):
            return None
        b, step = self.builder, limits.operands[1]
        start, stop, fixed = b.extract_value(limits, 0), b.extract_value(limits, 1), isinstance(step, ir.Constant)
        if fixed and step.constant < -1:
            return None
        count = b.sub(start, stop) if fixed and step.constant == -1 else b.sub(stop, start)
        if not fixed or step.constant > 1:  # steps that are no literals go forward
            count = b.sdiv(b.add(count, b.sub(step, step.type(1))), step)
        following, left = (self.alloca_lltype("$range", step.type) for _ in range(2))
        b.store(start, following)
        b.store(count, left)
        return self._struct(kind, following, stop, step, left)

    def _iternext(self, kind: Any, expression: Any) -> Any:
        """The next number of a range, and whether there is one."""
        if not isinstance(self.typeof(expression.value.name), types.RangeIteratorType):
            return None
        b, state = self.builder, self.loadvar(expression.value.name)
        following, step, left = (b.extract_value(state, place) for place in (0, 2, 3))
        number, count = b.load(following), b.load(left)
        b.store(b.add(number, step), following)
        b.store(b.sub(count, count.type(1), flags=["nsw"]), left)
        return self._struct(kind, number, b.icmp_signed(">", count, count.type(0)))

    def _pair_first(self, kind: Any, expression: Any) -> Any:
        return self.builder.extract_value(self.loadvar(expression.value.name), 0)

    def _pair_second(self, kind: Any, expression: Any) -> Any:
        return self.builder.extract_value(self.loadvar(expression.value.name), 1)

    def _struct(self, kind: Any, *values: Any) -> Any:
        """A value of this type, of its fields."""
        whole = ir.Constant(self.context.get_value_type(kind), ir.Undefined)
        for place, value in enumerate(values):
            whole = self.builder.insert_value(whole, value, place)
        return whole

    def alloca_lltype(self, name: str, kind: Any, datamodel: Any = None) -> Any:
        """numba's protocol: room for a variable, which it fills with zeros where arrays are counted."""
        if self.context.enable_nrt:
            return super().alloca_lltype(name, kind, datamodel)
        with self.builder.goto_entry_block():
            return self.builder.alloca(kind, name=name)


# An array as numba lays it out.
FIELDS = ("meminfo", "parent", "nitems", "itemsize", "data", "shape", "strides")
ATTRIBUTES = {"size": FIELDS.index("nitems"), "shape": FIELDS.index("shape")}


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(NativeLowering):
    _name, lowering_class = "thermoviz_lowering", _Lower


class _Remembered(types.Function):
    """An operator or a function of Python, which remembers what it makes of types: numba would ask thirty templates
    anew for every sum of two indices, and first those that concern strings and sets. Those are asked last."""

    def __init__(self, templates: Any) -> None:
        compiled = [one for one in templates if issubclass(one, _OverloadFunctionTemplate)]
        super().__init__([*(one for one in templates if one not in compiled), *compiled])
        self._known: dict[Any, Any] = {}

    def get_call_type(self, context: Any, args: Any, kws: Any) -> Any:
        """numba's protocol: the signature for arguments of these types."""
        asked = tuple(args)
        if kws or asked not in self._known:
            self._known[asked] = super().get_call_type(context, args, kws)
        return self._known[asked]


datamodel.register_default(_Remembered)(datamodel.models.OpaqueModel)
BUILT_IN = type(operator.add)


class _Typing:
    """numba's typing, with operators and Python's own functions as `_Remembered`."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self._remembered: dict[Any, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def resolve_value_type(self, value: Any) -> Any:
        """numba's protocol: the type of a constant."""
        if getattr(value, "__module__", "") not in (operator.add.__module__, max.__module__):
            return self._real.resolve_value_type(value)
        if value not in self._remembered:
            kind = self._real.resolve_value_type(value)
            self._remembered[value] = _Remembered(kind.templates) if type(kind) is types.Function else kind
        return self._remembered[value]

    def resolve_function_type(self, function: Any, args: Any, kws: Any) -> Any:
        """numba's protocol: the signature of a call."""
        known = self.resolve_value_type(function) if isinstance(function, BUILT_IN) else function
        return self._real.resolve_function_type(known, args, kws)

    def resolve_setitem(self, target: Any, index: Any, value: Any) -> Any:
        """numba's protocol: the signature of target[index] = value."""
        return self.resolve_value_type(operator.setitem).get_call_type(self._real, (target, index, value), {})


_typing: Any = _Typing(cpu_target.typing_context)


class _Steps(PassManager):
    """What `numba` makes of each function, without its notes on how long each step takes."""

    def run(self, state: Any) -> None:
        """numba's protocol."""
        for step, _ in self.passes:
            step().run_pass(state)


# What kernels need of numba's own steps: they hold no closures, no contexts, no lists, no literals to unroll, and no
# expressions of whole arrays.
BEFORE = (TranslateByteCode, FixupArgs, IRProcessing, GenericRewrites, ReconstructSSA, NopythonTypeInference,
          PreLowerStripPhis, IRLegalization)
AFTER = (_Lowering, NoPythonBackend)


class _Compiler(compiler.CompilerBase):
    """numba's own steps, with one before the last that says into what a function is lowered."""

    into: type[_Into]

    def __init__(self, typing: Any, *more: Any) -> None:
        super().__init__(_typing, *more)
        self.state.targetctx.typing_context = _typing

    def define_pipelines(self) -> list[Any]:
        """numba's protocol."""
        steps = _Steps("thermoviz")
        for step in (*BEFORE, self.into, *AFTER):
            steps.add_pass(step, step.__name__)
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
