import pytest

from tests.api.house import House


@pytest.mark.both_databases
async def test_the_server_of_an_organisation_is_set_by_its_key(api: House) -> None:
    (own,) = (await api.client.get("/org")).json()
    assert own["id"] == api.organisation_id
    server = {"url": "https://hooks.example.com"}
    changed = await api.client.patch(f"/org/{own['id']}", json={"name": "Bakery", "server": server})
    assert (changed.json()["name"], changed.json()["server"]) == ("Bakery", server)
    assert (await api.client.get(f"/org/{own['id']}")).json() == changed.json()
    assert "server" not in (await api.client.patch(f"/org/{own['id']}", json={"server": None})).json()


async def test_no_key_reaches_another_organisation(api: House) -> None:
    assert (await api.stranger.get(f"/org/{api.organisation_id}")).status_code == 404
    assert (await api.stranger.patch(f"/org/{api.organisation_id}", json={"name": "Mine"})).status_code == 404
    assert (await api.client.patch(f"/org/{api.organisation_id}", json={"name": "theirs"})).status_code == 409
    wrong = await api.client.patch(f"/org/{api.organisation_id}", json={"server": {"url": "ftp://x"}})
    assert wrong.json()["message"][0].startswith("server.url must be")


@pytest.mark.both_databases
async def test_a_key_is_made_told_once_and_revoked(api: House) -> None:
    made = await api.client.post("/token", json={"name": "web page", "tag": "public"})
    assert (made.status_code, made.json()["tag"]) == (201, "public")
    value, id_ = made.json()["value"], made.json()["id"]
    as_it = {"Authorization": f"Bearer {value}"}
    assert (await api.nobody.get("/assistant", headers=as_it)).status_code == 403
    listed = await api.client.get("/token")
    assert id_ in [key["id"] for key in listed.json()]
    assert value not in listed.text
    assert (await api.stranger.delete(f"/token/{id_}")).status_code == 404
    assert (await api.client.delete(f"/token/{id_}")).status_code == 200
    assert (await api.nobody.get("/assistant", headers=as_it)).status_code == 401
    assert id_ not in [key["id"] for key in (await api.client.get("/token")).json()]
