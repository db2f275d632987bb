"""Debian's Dovecot as an IMAP server on a free loopback port."""

import grp
import os

from tests.e2e.dovecot import Dovecot


class DovecotImap(Dovecot):
    """One account, alice with the password secret; the clock's zone is UTC."""

    def _config(self) -> str:
        name, group = self._user.pw_name, grp.getgrgid(self._user.pw_gid).gr_name
        root = os.getuid() == 0
        internal, login = ("dovecot", "dovenull") if root else (name, name)
        return f"""
base_dir = {self.folder}/run
state_dir = {self.folder}/state
log_path = {self.log}
protocols = imap
import_environment = TZ=UTC
ssl = no
disable_plaintext_auth = no
listen = 127.0.0.1
default_internal_user = {internal}
default_internal_group = {internal if root else group}
default_login_user = {login}
first_valid_uid = 1
mail_location = maildir:{self.maildir}
mail_fsync = never
auth_cache_size = 0
passdb {{
  driver = static
  args = user=alice password=secret
}}
userdb {{
  driver = static
  args = uid={name} gid={group} home={self.folder}/home
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {self.port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
"""
