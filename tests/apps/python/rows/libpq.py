"""How an app on libpq asks for TLS."""

from story import CA


def tls(mode):
    match mode:
        case "default":
            return {}
        case "off":
            return dict(sslmode="disable")
        case "asks" | "trusting":
            return dict(sslmode="require")
        case "verified":
            return dict(sslmode="verify-full", sslrootcert=CA)


def version(number):
    return f"libpq {number // 10000}.{number % 10000}"
