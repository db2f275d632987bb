"""Files of one message each; names that sort as UIDs do."""

from bridge.model.ids import Uid


def file_name(uid: Uid, emailid: str) -> str:
    """A name that no other message has, also after a restore gave the UID to another."""
    return f"{uid:08d}-{emailid}.eml"
