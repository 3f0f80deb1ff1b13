"""How an app on Microsoft's ODBC driver asks for TLS. It verifies by itself; whom it trusts, OpenSSL is told."""

import os

from story import CA, MODE


def tls(mode):
    match mode:
        case "default":
            return {}
        case "off":
            return dict(Encrypt="no")
        case "asks":
            return dict(Encrypt="yes")
        case "trusting":
            return dict(Encrypt="yes", TrustServerCertificate="yes")
        case "verified":
            os.environ["SSL_CERT_FILE"] = CA
            return dict(Encrypt="strict")


def words(settings):
    text = ";".join(f"{name}={value}" for name, value in settings.items())
    return f"SSL_CERT_FILE=ca.pem, {text}" if MODE == "verified" else text
