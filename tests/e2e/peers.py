"""Debian's POP3 servers, each on a free loopback port with a folder of its own; stopped by pid.

The packages of two of them refuse to be installed beside another POP3 server, so `.ci/run` unpacks
these into `PEERS`; what they need besides is installed.
"""

import os
import pwd
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tests.e2e.ports import free_port
from tests.leftovers import end_behind_the_test, remove_tree

PEERS = Path(os.environ.get("POPBRIDGE_PEERS", "/usr/local/lib/popbridge-peers"))
STARTED_S = 120
STOPPED_S = 60
ANSWERED_S = 120
PASSWORD = "secret"
HASHED = (
    "$6$popbridge$q9D0yUJ8PdXicMr.ku0lQTvw2l7ZSJJACzpORoWmY8XkBdry7FnN0OJcHuxAaphg"
    "SfbUk4EuG5WBNxzl2vHq11"
)
"""The same, as crypt(3) makes of it."""
FIRST = 1_700_000_000
"""Seconds in the name of the first message of a Maildir."""


def program(path: str) -> str:
    """A server's program: where its package puts it, or where it was unpacked; else skips."""
    for place in (Path(path), PEERS / path.lstrip("/")):
        if os.access(place, os.X_OK):
            return str(place)
    pytest.skip(f"{path} is not installed; .ci/run shows how")


class Peer:
    """One mailbox, `user` with the password `PASSWORD`.

    Its folder is its own: pytest's is closed to the user that a server serves mail as.
    """

    user = "alice"

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"popbridge-{type(self).__name__.lower()}-"))
        self.folder.chmod(0o755)
        self.port = free_port()
        self.log = self.folder / "log"
        self.owner = _mail_user()
        self._process: subprocess.Popen[bytes] | None = None
        end_behind_the_test(self.stop)
        command = self.prepare()
        with self.log.open("wb") as log:
            # A group of its own, so that what it starts ends with it.
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True
            )
        self._wait()

    def prepare(self) -> list[str]:
        """Writes what the server needs; the command that runs it in the foreground."""
        raise NotImplementedError

    def deliver(self, mail: list[bytes]) -> None:
        """Puts messages into the mailbox, in order; what ends in CRLF here ends there as it has to.

        Call it once, with messages that `takes` is true of.
        """
        raise NotImplementedError

    def takes(self, octets: bytes) -> bool:
        """Whether its store can hold such a message."""
        return True

    def sends(self, octets: bytes) -> bytes:
        """What it makes of a message that was delivered."""
        return octets if octets.endswith(b"\r\n") else octets + b"\r\n"

    def stop(self) -> None:
        """Ends the server, and removes what it had; again is harmless."""
        if self._process is not None:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(STOPPED_S)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        # What the server began ends by itself, a moment later.
        remove_tree(self.folder)

    def own(self, path: Path) -> None:
        """Gives what is at `path` to the user that mail is served as."""
        if os.getuid() == 0:
            for one in (path, *path.rglob("*")):
                os.chown(one, self.owner.pw_uid, self.owner.pw_gid)

    def _wait(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + STARTED_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError(f"{type(self).__name__} did not start: {self.log.read_text()}")


class Courier(Peer):
    """Maildir. The paths of its log-in are compiled in, so it runs in a mount namespace."""

    def prepare(self) -> list[str]:
        """As `Peer.prepare`."""
        etc, run = self.folder / "etc", self.folder / "run"
        self._maildir = self.folder / "mail"
        for path in (etc, run / "authdaemon", *(self._maildir / n for n in ("new", "cur", "tmp"))):
            path.mkdir(parents=True)
        self.own(self._maildir)
        root = os.getuid() == 0
        uid, gid = (self.owner.pw_uid, self.owner.pw_gid) if root else (0, 0)
        where = f"home={self.folder}|mail={self._maildir}"
        userdb = etc / "userdb"
        userdb.write_text(f"alice\tuid={uid}|gid={gid}|{where}|systempw={HASHED}\n")
        userdb.chmod(0o600)
        (etc / "authdaemonrc").write_text('authmodulelist="authuserdb"\n')
        script = self.folder / "start"
        login = program("/usr/lib/courier/courier/courierpop3login")
        pop3d = program("/usr/lib/courier/courier/courierpop3d")
        authdaemond = program("/usr/lib/courier/courier-authlib/authdaemond")
        script.write_text(f"""set -e
mount --bind {etc} /etc/courier
mount --bind {run} /run/courier
{program("/usr/sbin/makeuserdb")}
env -i DEBUG_LOGIN=0 authmodulelist=authuserdb daemons=1 \\
    authdaemonvar=/run/courier/authdaemon {authdaemond} &
until test -S /run/courier/authdaemon/socket; do sleep 0.02; done
exec env -i PATH="$PATH" MAXDAEMONS=40 POP3AUTH="" \\
    {program("/usr/sbin/couriertcpd")} -address=127.0.0.1 -maxprocs=40 -maxperip=40 \\
    -nodnslookup -noidentlookup {self.port} {login} {pop3d} {self._maildir}
""")
        return ["unshare", "--mount", *([] if root else ["--map-root-user"]), "sh", str(script)]

    def deliver(self, mail: list[bytes]) -> None:
        """As `Peer.deliver`."""
        for number, octets in enumerate(mail):
            path = self._maildir / "new" / f"{FIRST + number}.M{number}P1.test"
            path.write_bytes(octets.replace(b"\r\n", b"\n"))
            self.own(path)

    def sends(self, octets: bytes) -> bytes:
        """As `Peer.sends`: CRLF for each LF."""
        return super().sends(octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


class Cyrus(Peer):
    """A file for each message, with CRLF. The mailbox is made at the first log-in."""

    def prepare(self) -> list[str]:
        """As `Peer.prepare`."""
        folder = self.folder
        for name in ("lib", "spool", "run"):
            (folder / name).mkdir()
        self._config = folder / "imapd.conf"
        self._config.write_text(f"""configdirectory: {folder}/lib
defaultpartition: default
partition-default: {folder}/spool
proc_path: {folder}/run/proc
mboxname_lockpath: {folder}/run/lock
cyrus_user: {self.owner.pw_name}
servername: pop.example.org
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {folder}/sasldb2
sasl_mech_list: PLAIN LOGIN CRAM-MD5
allowplaintext: yes
autocreate_quota: 0
popminpoll: 0
""")
        services = folder / "cyrus.conf"
        pop3d = program("/usr/lib/cyrus/bin/pop3d")
        services.write_text(
            "START {\n}\nSERVICES {\n"
            f'  pop3 cmd="{pop3d} -C {self._config}" listen="127.0.0.1:{self.port}" maxchild=20\n'
            "}\nEVENTS {\n}\n"
        )
        saslpasswd = program("/usr/sbin/saslpasswd2")
        subprocess.run(
            [saslpasswd, "-c", "-p", "-f", f"{folder}/sasldb2", "-u", "pop.example.org", "alice"],
            input=PASSWORD.encode(),
            check=True,
        )
        self.own(folder)
        master = program("/usr/lib/cyrus/bin/master")
        pid = f"{folder}/run/master.pid"
        return [master, "-p", pid, "-C", str(self._config), "-M", str(services)]

    def takes(self, octets: bytes) -> bool:
        """As `Peer.takes`: it reads lines as strings of C, and never stores a bare LF."""
        return b"\0" not in octets and octets.count(b"\n") == octets.count(b"\r\n")

    def deliver(self, mail: list[bytes]) -> None:
        """As `Peer.deliver`; `reconstruct` finds the files."""
        retrieved(self)
        spool = next((self.folder / "spool").rglob("cyrus.header")).parent
        for number, octets in enumerate(mail, 1):
            (spool / f"{number}.").write_bytes(octets)
        self.own(spool)
        reconstruct = program("/usr/lib/cyrus/bin/reconstruct")
        subprocess.run(
            [reconstruct, "-C", str(self._config), "user/alice"],
            check=True,
            capture_output=True,
        )


class Mailutils(Peer):
    """An mbox. Lines that begin with `From ` are quoted there, as who delivers has to."""

    user = "alice@example.org"

    def prepare(self) -> list[str]:
        """As `Peer.prepare`."""
        folder = self.folder
        self._home = folder / "home"
        # It writes its pid as the group of mail.
        (folder / "run").mkdir()
        (folder / "run").chmod(0o777)
        (folder / "domains").mkdir()
        self._home.mkdir()
        self.own(self._home)
        ids = f"{self.owner.pw_uid}:{self.owner.pw_gid}"
        (folder / "domains/example.org").write_text(
            f"alice:{HASHED}:{ids}:Alice:{self._home}:/bin/sh\n"
        )
        config = folder / "conf"
        config.write_text(f"""mode daemon;
foreground yes;
pidfile {folder}/run/pid;
max-children 20;
logging {{ syslog no; }};
auth {{ authentication "generic:virtdomain"; authorization "virtdomain"; }};
virtdomain {{ passwd-dir {folder}/domains; }};
mailbox {{ mailbox-type mbox; }};
server 127.0.0.1:{self.port} {{ tls-mode false; }};
""")
        return [program("/usr/sbin/pop3d"), f"--config-file={config}"]

    def takes(self, octets: bytes) -> bool:
        """As `Peer.takes`: without a body the next message would be its body."""
        header, _, body = octets.partition(b"\r\n\r\n")
        return bool(header and body.strip()) and b"\0" not in octets

    def deliver(self, mail: list[bytes]) -> None:
        """As `Peer.deliver`."""
        lines = [_in_mbox(self.sends(octets)) for octets in mail]
        mark = b"From bob@example.net Tue Nov 24 10:00:00 2026\n"
        path = self._home / "INBOX"
        path.write_bytes(b"".join(mark + each + b"\n" for each in lines))
        self.own(path)

    def sends(self, octets: bytes) -> bytes:
        """As `Peer.sends`; it also rewrites header fields that are odd."""
        return octets.replace(b"\r\n", b"\n").rstrip(b"\n").replace(b"\n", b"\r\n") + b"\r\n"


def retrieved(server: Peer, *, ask_uidls: bool = True) -> list[bytes]:
    """What the server sends for each message, un-stuffed, read by the simplest of clients.

    mailutils writes a UIDL into the message that it is first asked for.
    """
    with socket.create_connection(("127.0.0.1", server.port), ANSWERED_S) as wire:
        file = wire.makefile("rb")

        def ask(command: str = "") -> bytes:
            if command:
                wire.sendall(command.encode() + b"\r\n")
            answer = file.readline()
            assert answer.startswith(b"+OK"), (command, answer)
            return answer

        ask()
        ask("CAPA")
        # Courier sends a notice about it in place of a message with 8-bit header fields otherwise.
        if any([line.startswith(b"UTF8") for line in iter(file.readline, b".\r\n")]):
            ask("UTF8")
        ask(f"USER {server.user}")
        ask(f"PASS {PASSWORD}")
        count = int(ask("STAT").split()[1])
        if ask_uidls:
            ask("UIDL")
            assert len(list(iter(file.readline, b".\r\n"))) == count
        messages = []
        for number in range(1, count + 1):
            ask(f"RETR {number}")
            lines: list[bytes] = []
            while (line := file.readline()) != b".\r\n":
                lines.append(line)
            messages.append(b"\r\n" + b"".join(lines))
        ask("QUIT")
    return [message.replace(b"\r\n..", b"\r\n.").removeprefix(b"\r\n") for message in messages]


def _in_mbox(octets: bytes) -> bytes:
    return octets.replace(b"\r\n", b"\n").replace(b"\nFrom ", b"\n>From ")


def _mail_user() -> pwd.struct_passwd:
    return pwd.getpwnam("mail") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
