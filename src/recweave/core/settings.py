"""Where things are on this machine, from the environment (`RECWEAVE_…`)."""

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What depends on the machine and not on the experiment; read once at the edges."""

    model_config = SettingsConfigDict(env_prefix="RECWEAVE_", frozen=True)

    data: Path | None = Field(
        None, description="a folder of datasets, looked in before anything is downloaded"
    )
    home: Path = Field(
        Path.home() / ".cache" / "recweave", description="where downloads and caches are kept"
    )
    threads: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        description="threads for one piece of work",
    )
    bf16: bool | None = Field(
        None,
        description="on or off: take the CPU for one that does or does not multiply bf16, as tests "
        "do; unset, the CPU's own flags decide",
    )
