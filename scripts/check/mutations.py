"""Find the mutants of a module: its source with one comparison, operator, constant or returned value changed."""

import ast
import copy
from collections import Counter
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult,
}  # fmt: skip
# Larger integers are timestamps, masks and the like: changing them by one says nothing about an edge.
LARGEST_INTEGER = 10_000
LONGEST_CONTEXT = 80


@dataclass(frozen=True)
class Mutant:
    """One change: the bytes from `start` to `end` of `file` become `text`. File, function and change name it.

    `lines` are those of the statement up to the end of the changed expression.
    """

    file: str
    line: int
    lines: range
    function: str
    change: str
    start: int
    end: int
    text: str

    def apply(self, source: bytes) -> bytes:
        """Return the source of the module with this change."""
        return source[: self.start] + self.text.encode() + source[self.end :]


class _Finder(ast.NodeVisitor):
    """Collect mutants in the order of the source; leave out annotations and decorators, which nothing computes with."""

    def __init__(self, file: str, source: bytes) -> None:
        self.mutants: list[Mutant] = []
        self._file = file
        self._lines = [0]
        for line in source.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        self._scope: list[str] = []
        self._seen: Counter[tuple[str, str]] = Counter()
        self._parents: list[ast.AST] = []

    def visit(self, node: ast.AST) -> None:
        """Visit with the parents known."""
        self._parents.append(node)
        super().visit(node)
        self._parents.pop()

    def _add(self, node: ast.expr | ast.stmt, mutated: ast.expr | ast.stmt, shown: str = "") -> None:
        function, new = ".".join(self._scope) or "module", ast.unparse(mutated)
        change = shown or f"{ast.unparse(node)} -> {new}"
        self._seen[function, change] += 1
        # The same expression may stand twice in a function.
        if (count := self._seen[function, change]) > 1:
            change += f" ({count})"
        start = self._lines[node.lineno - 1] + node.col_offset
        end = self._lines[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        text = f"({new})" if isinstance(mutated, ast.expr) else new
        statement = next(parent for parent in reversed(self._parents) if isinstance(parent, ast.stmt))
        lines = range(statement.lineno, (node.end_lineno or node.lineno) + 1)
        self.mutants.append(Mutant(self._file, node.lineno, lines, function, change, start, end, text))

    def _scoped(self, node: ast.FunctionDef | ast.ClassDef, *parts: ast.AST) -> None:
        self._scope.append(node.name)
        for part in parts:
            self.visit(part)
        self._scope.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Visit defaults and body."""
        defaults = (default for default in (*node.args.defaults, *node.args.kw_defaults) if default)
        self._scoped(node, *defaults, *node.body)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Visit the body."""
        self._scoped(node, *node.body)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Visit the value."""
        if node.value:
            self.visit(node.value)

    def visit_TypeAlias(self, node: ast.TypeAlias) -> None:
        """Leave it."""

    def visit_Compare(self, node: ast.Compare) -> None:
        """Move each comparison to its neighbour: < to <=, == to !=, in to not in."""
        for position, operator in enumerate(node.ops):
            mutated = copy.deepcopy(node)
            mutated.ops[position] = COMPARISONS[type(operator)]()
            self._add(node, mutated)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """Swap `and` and `or`."""
        self._add(node, ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values))
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        """Drop `not` and the minus sign."""
        if isinstance(node.op, ast.Not | ast.USub):
            self._add(node, node.operand)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """Exchange the arithmetic operator, except between strings."""
        if (operator := ARITHMETIC.get(type(node.op))) and not (_is_text(node.left) or _is_text(node.right)):
            self._add(node, ast.BinOp(node.left, operator(), node.right))
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """Exchange the arithmetic operator."""
        if (operator := ARITHMETIC.get(type(node.op))) and not _is_text(node.value):
            self._add(node, ast.AugAssign(node.target, operator(), node.value))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        """Flip booleans; add one to small integers."""
        if isinstance(value := node.value, bool):
            mutated = ast.Constant(not value)
        elif isinstance(value, int) and value <= LARGEST_INTEGER:
            mutated = ast.Constant(value + 1)
        else:
            return
        # A number alone says too little: show what it is part of.
        context = self._parents[-2]
        before = ast.unparse(context)
        node.value = mutated.value
        after = ast.unparse(context)
        node.value = value
        self._add(node, mutated, f"{before} -> {after}" if len(before) <= LONGEST_CONTEXT else "")

    def visit_Return(self, node: ast.Return) -> None:
        """Return None in place of a value."""
        if node.value and not (isinstance(node.value, ast.Constant) and node.value.value is None):
            self._add(node, ast.Return(ast.Constant(None)))
        self.generic_visit(node)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def find(file: str, source: bytes) -> list[Mutant]:
    """Return all mutants of a module."""
    finder = _Finder(file, source)
    finder.visit(ast.parse(source))
    return finder.mutants
