"""What each module shows of itself."""

import ast
import importlib
from pathlib import Path

import pytest

import photoplay

ROOT = Path(photoplay.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
BANNED = {"utils", "common", "misc", "base", "manager", "processor"}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def public_definitions(tree: ast.Module) -> set[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")}


def definitions_for_types(tree: ast.Module) -> set[str]:
    """Names that a type checker alone sees."""
    blocks = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    nodes = [node for block in blocks for node in block.body if isinstance(node, ast.AnnAssign)]
    return {ast.unparse(node.target) for node in nodes}


def imports_of_ours(tree: ast.Module) -> list[tuple[str, str]]:
    """Each module of ours that is imported from, and the name that is taken."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return [(node.module or "", alias.name) for node in nodes for alias in node.names]


def listed_names(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
            return list(ast.literal_eval(node.value))
    return None


def shelf(name: str) -> tuple[int, str]:
    """CONSTANTS, then Classes, then the rest: the order of ruff's RUF022."""
    return 0 if name.isupper() else 1 if name[0].isupper() else 2, name


named = pytest.mark.parametrize("path", FILES, ids=module_name)


@named
def test_a_module_with_public_names_lists_them(path: Path) -> None:
    assert listed_names(TREES[path]) is not None or not public_definitions(TREES[path])


@named
def test_a_module_takes_from_others_only_what_they_list(path: Path) -> None:
    modules = {module_name(file): listed_names(tree) or [] for file, tree in TREES.items()}

    taken = [(module, name) for module, name in imports_of_ours(TREES[path]) if module in modules]

    unlisted = [f"{m}.{n}" for m, n in taken if n not in modules[m] and f"{m}.{n}" not in modules]
    assert unlisted == []


@named
def test_the_list_is_sorted_and_names_nothing_twice(path: Path) -> None:
    listed = listed_names(TREES[path]) or []

    assert listed == sorted(set(listed), key=shelf)


@named
def test_every_listed_name_is_there(path: Path) -> None:
    module = importlib.import_module(module_name(path))
    there = set(vars(module)) | definitions_for_types(TREES[path])

    assert set(listed_names(TREES[path]) or []) <= there


@named
def test_a_name_says_what_a_module_is_about(path: Path) -> None:
    assert not BANNED & set(path.relative_to(ROOT).with_suffix("").parts)


@named
def test_a_module_says_what_it_owns(path: Path) -> None:
    assert ast.get_docstring(TREES[path]) or not TREES[path].body
