import json

import pytest

from tests.api.house import House
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "api.md"


def example(mark: str) -> dict[str, object]:
    (block,) = [block for block in blocks("json", mark) if block.page == PAGE]
    found = json.loads(block.text)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(("mark", "path"), [("assistant", "/assistant"), ("number", "/phone-number")])
async def test_the_examples_are_taken_without_a_warning(api: House, mark: str, path: str) -> None:
    made = await api.client.post(path, json=example(mark))
    assert (made.status_code, made.json().get("warnings")) == (201, None), made.text


async def test_the_call_of_the_example_reaches_the_gateway(api: House) -> None:
    assert (await api.client.post("/call", json=example("call"))).status_code == 201
    assert api.plane.asked[0][1] == example("call")


async def test_every_resource_that_is_named_is_there(api: House) -> None:
    table = PAGE.read_text().split("## Resources")[1].split("\n\n")[1]
    paths = [cell.strip() for row in table.splitlines()[2:] for cell in row.split("|")[1].replace("`", "").split(",")]
    assert len(paths) > 8
    for path in paths:
        assert (await api.client.get(path)).status_code == 200, path


def test_the_examples_of_sdks_are_python() -> None:
    found = list(blocks("python", "sdk"))
    assert len(found) >= 2
    for block in found:
        compile(block.text, str(block), "exec")
