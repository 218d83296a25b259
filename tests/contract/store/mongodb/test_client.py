"""Errors of the driver, each a sentence of ours that names the cause and the cure, with real servers."""

from __future__ import annotations

import subprocess
import urllib.parse
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient, InsertOne, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase

from bot.cli.doctor import Examination
from bot.core.shared.errors import StorageRejected, StorageUnavailable
from bot.settings import Settings
from bot.store.mongodb.client import bulk_upsert, connect, ping, storage_errors, within, write_all
from bot.store.mongodb.indexes import bootstrap
from tests.support.mongo import bare_mongod

Db = AsyncDatabase[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Servers:
    """Where they listen, and the certificate of the one that wants TLS."""

    plain: str
    tls: str
    member: str
    certificate: str


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Servers that were set up in different ways."""
    folder = tmp_path_factory.mktemp("servers")
    key, certificate, both = folder / "key", folder / "certificate", folder / "both.pem"
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    out = ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*make, *out, "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    both.write_text(key.read_text() + certificate.read_text())
    options = {
        "plain": [],
        "tls": [
            *("--tlsMode", "requireTLS", "--tlsCertificateKeyFile", str(both)),
            *("--tlsCAFile", str(certificate), "--tlsAllowConnectionsWithoutCertificates"),
        ],
        "member": ["--replSet", "athletes"],
    }
    with ExitStack() as stack:
        hosts = {}
        for name, given in options.items():
            (folder / name).mkdir()
            hosts[name] = f"127.0.0.1:{stack.enter_context(bare_mongod(folder / name, *given))}"
        yield Servers(**hosts, certificate=urllib.parse.quote(str(certificate)))


async def reason(url: str) -> str:
    """Why no server is reached."""
    db = connect(url, None, "unused")
    try:
        with within(3), pytest.raises(StorageUnavailable) as refused:
            await ping(db)
        return str(refused.value)
    finally:
        await db.client.close()


async def test_tls_on_one_side_only_is_named(servers: Servers) -> None:
    """What is wrong, and which word of MONGO_URL mends it."""
    assert "take tls (or ssl) out of MONGO_URL" in await reason(f"mongodb://{servers.plain}/?tls=true")
    assert "take tls (or ssl) out" in await reason(f"mongodb://{servers.plain}/?ssl=true&replicaSet=rs0")
    assert "add tls=true to MONGO_URL" in await reason(f"mongodb://{servers.tls}/")
    assert "not trusted (self-signed certificate)" in await reason(f"mongodb://{servers.tls}/?tls=true")
    db = connect(f"mongodb://{servers.tls}/?tls=true&tlsCAFile={servers.certificate}", None, "unused")
    await ping(db)
    await db.client.close()


async def test_another_replica_set_is_named(servers: Servers) -> None:
    """By the name that was asked for, and the server's own where it tells."""
    host, port = servers.member.split(":")
    async with AsyncMongoClient[dict[str, Any]](host, int(port), directConnection=True) as client:
        members = [{"_id": 0, "host": servers.member}]
        await client.admin.command({"replSetInitiate": {"_id": "athletes", "members": members}})
    assert "in a replica set named wrong; correct replicaSet" in await reason(
        f"mongodb://{servers.member}/?replicaSet=wrong"
    )
    assert "its replica set is named athletes, not wrong" in await reason(
        f"mongodb://{servers.member}/?replicaSet=wrong&directConnection=true"
    )
    assert "in a replica set named rs0; correct replicaSet" in await reason(
        f"mongodb://{servers.plain}/?replicaSet=rs0"
    )


async def test_an_address_where_nobody_listens_stays_what_it_is() -> None:
    """No cause is guessed."""
    assert await reason("mongodb://127.0.0.1:1/") == "MongoDB does not answer (ServerSelectionTimeoutError)"
    assert await reason("mongodb://127.0.0.1:1/?tls=true&replicaSet=rs0") == (
        "MongoDB does not answer (ServerSelectionTimeoutError)"
    )


async def test_a_database_in_another_case_is_named(db: Db) -> None:
    """Whatever is written there, and however: one sentence with both cures."""
    await db["x"].insert_one({})
    other = db.client[db.name.upper()]["x"]
    writes: dict[str, Callable[[], Awaitable[object]]] = {
        "one": lambda: other.insert_one({}),
        "many": lambda: other.bulk_write([InsertOne({})]),
        "index": lambda: other.create_index("a"),
        "upsert": lambda: bulk_upsert_all(other),
        "all": lambda: write_all(other, [UpdateOne({"_id": 1}, {"$set": {"a": 1}}, upsert=True)]),
    }
    for name, write in writes.items():
        with (
            pytest.raises(StorageRejected, match=f"a database named {db.name} already") as refused,
            storage_errors(),
        ):
            await write()
        assert "correct MONGO_DB, or the name in MONGO_URL" in str(refused.value), name
    with pytest.raises(StorageRejected, match=f"a database named {db.name} already"):
        await bootstrap(db.client[db.name.upper()])


async def bulk_upsert_all(collection: Any) -> None:
    """An upsert whose refusals are for the caller to judge."""
    for error in await bulk_upsert(collection, [UpdateOne({"_id": 1}, {"$set": {"a": 1}}, upsert=True)]):
        raise StorageRejected(error.problem)


async def test_any_refused_write_is_an_error_of_ours(db: Db) -> None:
    """Also one of many, past everything that judges them one by one; documents are not quoted."""
    await db.create_collection("x", validator={"a": {"$type": "int"}})
    with pytest.raises(StorageRejected, match=r"refuses the write \(code 121\)") as refused, storage_errors():
        await db["x"].bulk_write([InsertOne({"a": 1}), InsertOne({"a": "a secret"})], ordered=False)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "cure"), [("tls=true", "take tls"), ("replicaSet=wrong", "correct replicaSet")]
)
async def test_doctor_says_the_cause(servers: Servers, tmp_path: Path, options: str, cure: str) -> None:
    """And not that it had no time to wait for it."""
    settings = Settings(_env_file=None, mongo_url=f"mongodb://{servers.plain}/?{options}", data_dir=tmp_path)
    async with AsyncExitStack() as stack:
        [found] = await Examination(settings, (), stack).mongodb()
    assert found.level == "FAIL"
    assert found.message.startswith("MongoDB does not answer: no ")
    assert cure in (found.cure or "")
