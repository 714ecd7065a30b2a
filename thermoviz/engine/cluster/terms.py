"""What both sides of a cluster must agree on: names, and how they find and trust each other."""

import importlib.util
from typing import Any

from ...core.errors import BadInput
from ...core.settings import settings, variable
from ...core.specs import NUMERICS_VERSION

# What a worker offers, once per process, and each of our tasks takes up: so only workers of these numerics get one.
OFFERED = "thermoviz-numerics-"
RESOURCE = f"{OFFERED}{NUMERICS_VERSION}"
TOPIC = "thermoviz"  # of the scheduler's events: how far each task is
PRELOAD = "thermoviz.engine.cluster.preload"
ENDING = "thermoviz.engine.cluster.ending"


def key_of(id: str, turn: int = 0) -> str:
    """The name of a question among the scheduler's tasks: the same of every server that asks it."""
    return f"thermoviz-{id}" if turn == 0 else f"thermoviz-{id}-{turn}"


def id_of(key: Any) -> str:
    """The run's id in such a name; "" for other people's tasks."""
    parts = str(key).split("-")
    return parts[1] if len(parts) > 1 and parts[0] == "thermoviz" else ""


def refuse_without_dask() -> None:
    """Raises BadInput where the extra is not installed."""
    if importlib.util.find_spec("distributed") is None:
        raise BadInput('a cluster needs Dask, which is not installed here: pip install "thermoviz[cluster]".')


def refuse_address(address: str) -> str:
    """The address of a scheduler. Raises BadInput for what is none, and for tls:// without certificates."""
    protocol, _, rest = address.partition("://")
    if protocol not in ("tcp", "tls") or not rest.rpartition(":")[2].isdecimal():
        raise BadInput(f"a scheduler is named as tcp://HOST:PORT or tls://HOST:PORT, got {address[:60]!r}.")
    if protocol == "tls":
        certificates()
    return address


def certificates() -> dict[str, str]:
    """The files of mutual TLS: authority, certificate and key of this process. Raises BadInput where one is missing."""
    names = ("tls_ca", "tls_cert", "tls_key")
    files = {name: getattr(settings(), name) for name in names}
    if missing := [variable(name) for name in names if not files[name]]:
        raise BadInput(f"a scheduler at tls:// needs certificates: {', '.join(missing)} must name files.")
    for name, file in files.items():
        try:
            open(file).close()
        except OSError as error:
            raise BadInput(f"{variable(name)}={file} cannot be read: {error.strerror or error}.") from None
    return files


def security(address: str) -> Any:
    """What Dask's client needs for this address; None where it is not encrypted."""
    if not address.startswith("tls://"):
        return None
    from distributed.security import Security

    files = certificates()
    return Security(tls_ca_file=files["tls_ca"], tls_client_cert=files["tls_cert"], tls_client_key=files["tls_key"],
                    require_encryption=True)
