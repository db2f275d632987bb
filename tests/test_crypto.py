import base64
import hashlib
import hmac
import math
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.crypto import (
    ALPHABET,
    GROUP_LETTERS,
    GROUPS,
    SCRAM_ITERATIONS,
    Sealer,
    load_key,
    make_device_password,
    new_salt,
    normalize_made,
    scram_keys,
    verifier_for,
    verify,
)
from bridge.errors import StoreError, StoreFullError

KEY = bytes(range(32))
OTHER = bytes(32)


@given(octets=st.binary(), context=st.text(st.characters(exclude_categories=["Cs"])))
def test_what_was_sealed_opens(octets: bytes, context: str) -> None:
    sealed = Sealer(KEY).seal(octets, context)
    assert Sealer(KEY).open(sealed, context) == octets
    assert sealed[0] == 1


def test_two_seals_of_one_secret_differ() -> None:
    assert Sealer(KEY).seal(b"secret", "ann") != Sealer(KEY).seal(b"secret", "ann")


def test_only_key_and_context_open() -> None:
    sealed = Sealer(KEY).seal(b"secret", "ann")
    assert b"secret" not in sealed
    for sealer, context in [(Sealer(OTHER), "ann"), (Sealer(KEY), "bob")]:
        with pytest.raises(StoreError, match="can't be opened") as caught:
            sealer.open(sealed, context)
        assert caught.value.remedy


@given(st.data())
def test_changed_octets_do_not_open(data: st.DataObject) -> None:
    sealed = bytearray(Sealer(KEY).seal(b"secret", "ann"))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(StoreError):
        Sealer(KEY).open(bytes(sealed), "ann")


@given(st.binary(max_size=40) | st.binary(max_size=40).map(b"\x01".__add__))
def test_garbage_does_not_open(octets: bytes) -> None:
    with pytest.raises(StoreError):
        Sealer(KEY).open(octets, "ann")


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_has_32_octets(tmp_path: Path, length: int) -> None:
    with pytest.raises(StoreError):
        Sealer(bytes(length))
    (tmp_path / "key").write_bytes(bytes(length))
    with pytest.raises(StoreError, match="32 octets"):
        load_key(tmp_path / "key")
    assert (tmp_path / "key").read_bytes() == bytes(length)


def test_the_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "key"
    before = os.umask(0)
    try:
        key = load_key(path)
    finally:
        os.umask(before)
    assert len(key) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_key(path) == key
    assert [each.name for each in tmp_path.iterdir()] == ["key"]
    assert load_key(tmp_path / "second") != key


def test_the_key_of_a_rival_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, link = tmp_path / "key", os.link

    def link_late(source: Path, target: Path) -> None:
        target.write_bytes(KEY)
        link(source, target)

    monkeypatch.setattr(os, "link", link_late)
    assert load_key(path) == KEY
    assert [each.name for each in tmp_path.iterdir()] == ["key"]


def test_a_crash_while_making_the_key_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreFullError, match="No space left") as caught:
        load_key(tmp_path / "key")
    assert caught.value.exit == 73
    assert list(tmp_path.iterdir()) == []


def test_file_and_folder_of_the_key_are_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync, synced = os.fsync, list[bool]()

    def watched(descriptor: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    load_key(tmp_path / "key")
    assert synced == [False, True]


@pytest.mark.parametrize(("mode", "told"), [(0o644, True), (0o640, True), (0o600, False)])
def test_a_key_that_others_may_read_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, told: bool
) -> None:
    path = tmp_path / "key"
    load_key(path)
    path.chmod(mode)
    load_key(path)
    assert [
        f"{path} may be read by others (mode {mode:04o})" in text for text in caplog.messages
    ] == [True] * told


def test_a_key_that_cannot_be_made_or_read_is_a_store_error(tmp_path: Path) -> None:
    for path in (tmp_path / "none" / "key", tmp_path):
        with pytest.raises(StoreError) as caught:
            load_key(path)
        assert caught.value.remedy


def test_a_made_password_has_at_least_100_bits_and_is_easy_to_read() -> None:
    passwords = {make_device_password() for _ in range(200)}
    assert len(passwords) == 200
    assert GROUPS * GROUP_LETTERS * math.log2(len(ALPHABET)) >= 100
    assert len(set(ALPHABET)) == len(ALPHABET)
    assert not set("ilo01") & set(ALPHABET)
    for password in passwords:
        assert [len(group) for group in password.split("-")] == [GROUP_LETTERS] * GROUPS
    assert set("".join(passwords)) == {*ALPHABET, "-"}


def test_a_made_password_is_known_however_it_is_typed() -> None:
    password = make_device_password()
    verifier = verifier_for(password, made=True, key=KEY)
    assert verifier.startswith("hmac-sha256$")
    typed = [password, password.upper(), password.replace("-", ""), password.replace("-", " ")]
    for each in [*typed, f" {password}\n"]:
        assert verify(verifier, each, KEY)
        assert normalize_made(each) == password.replace("-", "")
    assert not verify(verifier, password, OTHER)
    assert not verify(verifier, make_device_password(), KEY)
    assert not verify(verifier, password[:-1], KEY)
    assert not verify(verifier, "", KEY)


@pytest.mark.parametrize("password", ["hunter2", "Grüße, Jörg", "a-b c", "", "🦆" * 30, "\udcff"])
def test_a_chosen_password_is_known_as_it_is(password: str) -> None:
    verifier = verifier_for(password, made=False, key=KEY)
    assert verifier.startswith("$argon2id$v=19$")
    assert verify(verifier, password, KEY)
    assert not verify(verifier, password + "x", KEY)
    assert not verify(verifier, password.upper() + "-", KEY)
    assert verifier != verifier_for(password, made=False, key=KEY)


def test_a_chosen_password_counts_dashes_and_case() -> None:
    verifier = verifier_for("Open-Sesame", made=False, key=KEY)
    assert not verify(verifier, "opensesame", KEY)
    assert not verify(verifier, "Open-sesame", KEY)


@pytest.mark.parametrize(
    ("chosen", "typed"),
    [("Jo\u0308rg", "J\u00f6rg"), ("a\u00a0b\u00f6", "a b\u00f6"), ("I\u00adX\u00f6", "IX\u00f6")],
)
def test_every_way_to_type_a_letter_is_the_same(chosen: str, typed: str) -> None:
    assert verify(verifier_for(chosen, made=False, key=KEY), typed, KEY)
    assert scram_keys(chosen, b"salt", 1) == scram_keys(typed, b"salt", 1)


@pytest.mark.parametrize(
    "verifier",
    [
        "",
        "hunter2",
        "hmac-sha256$",
        "hmac-sha256$zz",
        "hmac-sha256$é\udcff",
        "$argon2id$",
        "$argon2id$é",
        "$argon2id$v=19$m=19456,t=2,p=1$AAAA",
        "$argon2id$v=19$m=0,t=0,p=0$AAAA$AAAA",
        "$argon2i$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$AAAA",
        "$2b$12$abcdefghijklmnopqrstuv",
    ],
)
def test_a_verifier_that_cannot_be_read_knows_nobody(verifier: str) -> None:
    for password in ("", "hunter2", "é", "\udcff", "\0"):
        assert verify(verifier, password, KEY) is False


@settings(deadline=None)
@given(verifier=st.text(), password=st.text(st.characters()))
def test_verify_never_raises(verifier: str, password: str) -> None:
    for scheme in ("", "hmac-sha256$", "$argon2id$"):
        assert verify(scheme + verifier, password, KEY) is False


def test_scram_keys_are_those_of_rfc_7677() -> None:
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    stored_key, server_key = scram_keys("pencil", salt, 4096)
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    message = (
        f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={nonce}"
    ).encode()
    signature = hmac.digest(server_key, message, "sha256")
    assert base64.b64encode(signature) == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    proof = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    mask = hmac.digest(stored_key, message, "sha256")
    client_key = bytes(one ^ other for one, other in zip(proof, mask, strict=True))
    assert hashlib.sha256(client_key).digest() == stored_key


def test_salts_are_random_and_iterations_enough() -> None:
    assert len({new_salt() for _ in range(50)}) == 50
    assert len(new_salt()) >= 16
    assert SCRAM_ITERATIONS >= 4096
