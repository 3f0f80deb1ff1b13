"""What FreeTDS reads only from a file of its own: whose certificates to trust."""

import atexit
import os
import tempfile

from story import CA, HOST, PORT

LINES = "encryption = require\nca file = {}\ncheck certificate hostname = yes\n"
#: As its users see it.
WORDS = "freetds.conf: " + "; ".join(LINES.format("ca.pem").splitlines())


def describe(server):
    """Makes it known by this name, in this process."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf", delete=False) as file:
        file.write(f"[{server}]\nhost = {HOST}\nport = {PORT}\n{LINES.format(CA)}")
    os.environ["FREETDSCONF"] = file.name
    atexit.register(os.remove, file.name)
