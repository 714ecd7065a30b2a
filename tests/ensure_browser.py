"""Makes sure that the browser tests have a Chromium: the system's, else Playwright's own, else the distribution's.

Run by `make test`. Exits non-zero with one sentence if none can be had: browser tests are never skipped.
"""

import os
import subprocess
import sys

from browsing import chromium_path


def attempt(*command: str) -> bool:
    try:
        return subprocess.run(command, timeout=900).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def main() -> int:
    if chromium_path():
        return 0
    if attempt(sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"):
        return 0
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    attempt(*sudo, "apt-get", "update")
    attempt(*sudo, "apt-get", "install", "-y", "--no-install-recommends", "chromium", "fonts-dejavu-core")
    if chromium_path():
        return 0
    print("The browser tests need Chromium: install it, or name it in THERMOVIZ_CHROMIUM.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
