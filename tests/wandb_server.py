"""A stand-in for W&B's server on loopback: it keeps what the real client sends, and answers what the client must know.

It knows the requests of wandb 0.31 and wandb-workspaces 0.4 by the names of their GraphQL operations; any other is
answered with no data.
"""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "5" * 40


@dataclass
class Run:
    """What the server knows of one run; fields: as named in the client's requests."""

    fields: dict[str, Any]
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    exit_codes: list[int] = field(default_factory=list)

    @property
    def config(self) -> dict[str, Any]:
        return {key: entry["value"] for key, entry in json.loads(self.fields["config"]).items()}


class Server:
    """The runs by id, and the workspace views in the order in which they were saved."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.views: list[dict[str, Any]] = []
        self.url = ""

    def graphql(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        if "RunResumeStatus" in query:
            return {
                "model": {"id": "1", "name": variables["project"], "entity": ENTITY, "bucket": self._status(variables)}
            }
        if "upsertBucket" in query:
            return {"upsertBucket": {"bucket": self._upsert(variables), "inserted": True}}
        if "createRunFiles" in query:
            files = [
                {"name": name, "uploadUrl": f"{self.url}/storage/{variables['run']}/{name}"}
                for name in variables["files"]
            ]
            return {"createRunFiles": {"runID": "1", "uploadHeaders": [], "files": files}}
        if "upsertView" in query:
            self.views.append(variables)
            return {"upsertView": {"view": {"id": "view", "name": variables["name"]}, "inserted": True}}
        if "viewer" in query:
            return {
                "viewer": {"id": "1", "entity": ENTITY["name"], "username": "me", "flags": "{}", "teams": {"edges": []}}
            }
        return {}

    def _status(self, variables: dict[str, Any]) -> dict[str, Any] | None:
        run = self.runs.get(variables["name"])
        return run and {
            "id": variables["name"],
            "name": variables["name"],
            "summaryMetrics": json.dumps(run.summary),
            "displayName": run.fields.get("displayName"),
            "logLineCount": 0,
            "historyLineCount": len(run.history),
            "eventsLineCount": 0,
            "historyTail": json.dumps([json.dumps(line) for line in run.history[-1:]]),
            "eventsTail": "[]",
            "config": run.fields["config"],
            "tags": run.fields.get("tags", []),
            "notes": None,
            "wandbConfig": "{}",
        }

    def _upsert(self, variables: dict[str, Any]) -> dict[str, Any]:
        run = self.runs.setdefault(variables["name"], Run({}))
        run.fields |= {name: value for name, value in variables.items() if value is not None}
        project = {"id": "1", "name": variables["project"], "entity": ENTITY}
        return {**dict.fromkeys(("description", "sweepName")), **run.fields, "id": "1", "project": project}

    def stream(self, name: str, content: dict[str, Any]) -> None:
        run = self.runs[name]
        for file, part in content.get("files", {}).items():
            lines = [json.loads(line) for line in part["content"]]
            if file == "wandb-history.jsonl":
                run.history[part["offset"] :] = lines
            if file == "wandb-summary.json":
                run.summary = lines[-1]
        if content.get("complete"):
            run.exit_codes.append(content["exitcode"])


ENTITY = {"id": "1", "name": "me"}


@contextmanager
def serving() -> Iterator[Server]:
    """A server on a free port of this machine."""
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            reply: dict[str, Any] = {}
            parts = self.path.strip("/").split("/")
            if parts[0] == "graphql":
                request = json.loads(body)
                reply = {"data": server.graphql(request["query"], request.get("variables") or {})}
            elif parts[-1] == "file_stream":
                server.stream(parts[-2], json.loads(body))
            elif parts[0] == "storage":
                server.runs[parts[1]].files["/".join(parts[2:])] = body
            content = json.dumps(reply).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def handle(self) -> None:
            with suppress(ConnectionResetError):  # the client has ended, and not asked
                super().handle()

        do_GET = do_POST = do_PUT = answer  # noqa: N815

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
