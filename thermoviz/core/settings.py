"""What an operator may set, in one table: environment variables THERMOVIZ_<NAME>, or lines of a file `.env`.

The environment wins over `.env`, which is looked for in the folder that the process was started in. Values are read
once per process and checked together.
"""

import functools
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from .errors import BadInput

PREFIX = "THERMOVIZ_"


class Settings(BaseSettings):
    """Each field is one setting; its description is what README says of it."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True,
                                      env_ignore_empty=True)

    workers: Annotated[int, Field(ge=1, le=1024, description=(
        "Processes that compute. Count one core and 0.5 GB of memory for each, and 0.2 GB for the page itself."))] = 1
    threads: Annotated[int | None, Field(ge=1, le=1024, description=(
        "Threads of each process that computes. Left out: one per core, at most 4."))] = None
    warm: Annotated[bool, Field(description=(
        "Whether processes get ready before anybody asks. 0 saves their time where nobody waits, as in tests."))] = True
    job_seconds: Annotated[float, Field(gt=0, le=1e6, description=(
        "A run that takes longer than so many seconds is stopped."))] = 600.0
    queue: Annotated[int, Field(ge=1, le=10**5, description=(
        "Most experiments that may wait for a process; whoever comes then is asked to come back."))] = 1000
    queue_of_one: Annotated[int, Field(ge=1, le=10**5, description=(
        "Most of them that may be of one visitor. Turns go round the visitors in any case."))] = 250
    visitor_seconds: Annotated[float | None, Field(gt=0, le=1e9, description=(
        "Seconds of processors that one visitor may use within the minutes of the next line; whoever has used them is "
        "told when they can go on. Left out: no limit, since turns go round the visitors in any case."))] = None
    visitor_minutes: Annotated[float, Field(gt=0, le=1e5, description=(
        "The minutes that the line above speaks of: the latest ones, at any time."))] = 60.0
    scheduler: Annotated[str | None, Field(pattern=r"^(tcp|tls)://\S+:\d+$", description=(
        "Scheduler of a Dask cluster that computes for this server, such as `tcp://host:8786`, see "
        "[docs/cluster.md](docs/cluster.md). Left out: this machine computes."))] = None
    scheduler_seconds: Annotated[float, Field(ge=0, le=1e6, description=(
        "When the cluster cannot be reached for so many seconds, this machine computes until it is back."))] = 30.0
    tls_ca: Annotated[str | None, Field(min_length=1, description=(
        "For `tls://`: file of the authority whose certificates this process trusts, in PEM."))] = None
    tls_cert: Annotated[str | None, Field(min_length=1, description=(
        "For `tls://`: file of this process's own certificate."))] = None
    tls_key: Annotated[str | None, Field(min_length=1, description=(
        "For `tls://`: file of the key of that certificate; only this process's user should read it."))] = None
    worker_gigabytes: Annotated[float, Field(ge=2, le=4096, description=(
        "Address space that a process may ask for, in GiB. It is virtual: a run touches a small part of it."))] = 8.0
    store: Annotated[str | None, Field(min_length=1, description=(
        "Folder of finished runs; keep it, and a class can be computed the day before. Several servers may share it. "
        "Or an object storage, such as `s3://bucket/runs`. Left out: `thermoviz` in the user's cache folder."))] = None
    store_megabytes: Annotated[int, Field(ge=1, le=10**9, description=(
        "Most that finished runs may take, in MiB; beyond it the least recently used go."))] = 500
    free_megabytes: Annotated[int, Field(ge=0, le=10**9, description=(
        "What finished runs leave free on their disk, in MiB: the least recently used go before it is taken."))] = 200
    brought_hours: Annotated[float, Field(gt=0, le=8760, description=(
        "Hours that what visitors bring (tables, drawings, run files) is kept, and what was computed of it."))] = 24.0
    brought_megabytes: Annotated[int, Field(ge=1, le=10**9, description=(
        "Most that it may take, in MiB; beyond it nothing more is taken until some of it is gone."))] = 500
    hosts: Annotated[str | None, Field(min_length=1, description=(
        "Names by which the server may be asked for, such as `lab.example.org, *.example.org`: who asks by another is "
        "turned away. Left out: any name."))] = None
    sessions: Annotated[int, Field(ge=1, le=10**6, description=(
        "Most visitors at once; whoever comes then is asked to wait, and let in by themselves."))] = 500
    signin: Annotated[bool, Field(description=(
        "1: visitors sign in first, by the OpenID provider that Streamlit's `secrets.toml` names (docs/deploy.md)."))
    ] = False
    log: Annotated[Literal["auto", "text", "json"], Field(description=(
        "What the log's lines are: `json`, one object each, or `text`, for people. `auto`: text at a terminal, else "
        "json."))] = "auto"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Field(description=(
        "The least that is logged. At `info` that is a line for each job and each session."))] = "info"
    metrics_port: Annotated[int | None, Field(ge=1, le=65535, description=(
        "Port on which Prometheus may ask for metrics, at `/metrics`. Left out: none is opened."))] = None
    metrics_address: Annotated[str, Field(min_length=1, description=(
        "Address of the network on which that port is opened."))] = "127.0.0.1"
    operator_secret: Annotated[str | None, Field(min_length=12, description=(
        "Opens the operator's page at `/operator`. Left out: there is no such page."))] = None


@functools.cache
def settings() -> Settings:
    """The settings of this process. Raises BadInput, in one sentence for each that cannot be."""
    try:
        return Settings()
    except ValidationError as error:
        raise BadInput(" ".join(_sentence(one) for one in error.errors())) from None


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def default(name: str) -> str:
    """A setting's default as one would write it; empty where it is left out."""
    value = Settings.model_fields[name].default
    return ("" if value is None else value if isinstance(value, str) else str(int(value)) if isinstance(value, bool)
            else f"{value:g}")


def _sentence(error: Any) -> str:
    """`error`: one of pydantic's, of which the reason reads "Input should be ..."."""
    wanted = error["msg"].removeprefix("Input should be ").split(", unable to")[0]
    return f"{variable(str(error['loc'][0]))} must be {wanted}, got {str(error['input'])[:40]!r}."


def described(values: Settings) -> str:
    """Each setting as a line of an `.env` with its present value (commented out where it is left out), and its use."""
    lines = []
    for name, field in Settings.model_fields.items():
        value = getattr(values, name)
        lines += [f"# {field.description}", f"# {variable(name)}=" if value is None else f"{variable(name)}={value}"]
    return "\n".join(lines)


def table() -> str:
    """All settings as README shows them, in Markdown."""
    rows = (f"| `{variable(name)}` | {default(name)} | {field.description} |"
            for name, field in Settings.model_fields.items())
    return "\n".join(["| setting | default | what it does |", "|---|---|---|", *rows])
