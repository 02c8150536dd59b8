import pytest

from gateway.api.file_contents import mimetype_of
from tests.api.house import House

NOTES = ("notes.md", b"# Prices\n", "text/plain")


@pytest.mark.both_databases
async def test_a_life(api: House) -> None:
    created = await api.client.post("/file", files={"file": NOTES}, data={"purpose": "prices", "metadata": '{"a": 1}'})
    assert created.status_code == 201, created.text
    made = created.json()
    assert (made["name"], made["bytes"], made["mimetype"]) == ("notes.md", 9, "text/markdown")
    assert (made["purpose"], made["metadata"], made["status"]) == ("prices", {"a": 1}, "done")
    one = f"/file/{made['id']}"
    assert (await api.nobody.get(made["url"])).content == NOTES[1]
    assert (await api.client.get(f"{one}/content", headers={"Range": "bytes=2-3"})).content == b"Pr"
    assert (await api.client.patch(one, json={"name": "list.md"})).json()["name"] == "list.md"
    assert [file["id"] for file in (await api.client.get("/file?purpose=prices")).json()] == [made["id"]]
    assert (await api.client.get("/file?purpose=other")).json() == []
    assert (await api.client.delete(one)).json()["id"] == made["id"]
    assert (await api.nobody.get(made["url"])).status_code == 404
    assert list((api.context.settings.data_dir / "files").iterdir()) == []


async def test_a_file_of_others_is_not_there(api: House) -> None:
    one = f"/file/{(await api.client.post('/file/upload', files={'file': NOTES})).json()['id']}"
    assert (await api.stranger.get(one)).status_code == 404
    assert (await api.stranger.get(f"{one}/content")).status_code == 404
    assert (await api.stranger.delete(one)).status_code == 404
    assert (await api.nobody.get(f"{one}/content")).status_code == 401


async def test_what_is_no_upload(api: House) -> None:
    assert (await api.client.post("/file", json={})).status_code == 415
    assert (await api.client.post("/file", files={"other": NOTES})).json()["message"] == ["file must be a file"]
    broken = await api.client.post("/file", content=b"x", headers={"Content-Type": "multipart/form-data"})
    assert (broken.status_code, broken.json()["error"]) == (400, "Bad Request")
    wrong = await api.client.post("/file", files={"file": NOTES}, data={"metadata": "[]"})
    assert wrong.json()["message"] == ["metadata must be a JSON object"]
    assert (await api.client.get("/file")).json() == []


@pytest.mark.parametrize(
    ("beginning", "name", "mimetype"),
    [
        (b"%PDF-1.7", "a.txt", "application/pdf"),
        (b"RIFF\0\0\0\0WAVEfmt ", "a", "audio/wav"),
        (b"a,b\n", "a.csv", "text/csv"),
        (b"words", "a.pdf", "text/plain"),
        (b"PK\x03\x04", "a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (b"\x00\x01", "a.html", "application/octet-stream"),
        (b"x" * 511 + "é".encode()[:1], "a.md", "text/markdown"),
        (b"caf\xe9", "a.txt", "application/octet-stream"),
        (b"", "a.txt", "text/plain"),
    ],
)
def test_the_content_says_what_it_is(beginning: bytes, name: str, mimetype: str) -> None:
    assert mimetype_of(beginning, name) == mimetype
