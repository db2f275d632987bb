from tests.corpus.all import messages


def test_every_message_has_a_name_of_its_own() -> None:
    names = [odd.name for odd in messages()]
    assert len(names) == len(set(names)) >= 300


def test_the_messages_are_the_same_each_time() -> None:
    assert messages() == messages()


def test_what_is_odd_is_in_the_octets() -> None:
    octets = {odd.name: odd.octets for odd in messages()}
    assert all(octets.values())
    plain = [name for name, found in octets.items() if b"\n" in found.replace(b"\r\n", b"")]
    assert all(name.startswith("line: ") for name in plain), plain
    assert octets["boundary parameter: folded after the equals sign"].count(b"boundary=\r\n b") == 1
    assert len(octets["subject: 100 kB"]) > 100_000
    assert octets["shape: 200 parts"].count(b"\r\n--b\r\n") == 200
