"""The PEM files of TLS, read and checked: of bad ones gRPC says at most that nobody answers."""

import ssl
from pathlib import Path

from services.errors import SettingsError


def pair(certificate: Path, key: Path) -> tuple[bytes, bytes]:
    """The key, and the chain of certificates, in these files. Raises SettingsError."""
    chain, secret = _read("REMI_TLS_CERT", certificate), _read("REMI_TLS_KEY", key)
    try:
        # With a password it asks nobody for one.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError):
        raise SettingsError(
            f"REMI_TLS_CERT and REMI_TLS_KEY: {certificate} and {key} "
            "don't hold a certificate and its key, in PEM and unencrypted"
        ) from None
    return secret, chain


def authority(certificate: Path) -> bytes:
    """The certificates in this file. Raises SettingsError."""
    read = _read("REMI_TLS_CA", certificate)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(certificate)
    except ssl.SSLError:
        raise SettingsError(f"REMI_TLS_CA: {certificate} holds no certificate in PEM") from None
    return read


def _read(knob: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{knob}: cannot read {path}: {error.strerror}") from None
