"""A hub for one person on one machine: `jupyterhub --config jupyterhub_config.py`, with `hub.toml` beside it.

The local spawner isolates nothing. For several people take `docker` or `kube` instead of `local`, and an authenticator.
"""

import os
import sys
from pathlib import Path

HERE = Path(os.environ.get("HUB_FOLDER") or Path(__file__).parent)
sys.path.insert(0, str(Path(__file__).parent))

import discovery_hub  # noqa: E402

c = get_config()  # noqa: F821
discovery_hub.local(c, discovery_hub.read(HERE / "hub.toml"), HERE / "homes")
c.JupyterHub.bind_url = "http://127.0.0.1:8010"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:8011"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:8012"
c.JupyterHub.db_url = f"sqlite:///{HERE / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(HERE / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(HERE / "proxy.pid")
