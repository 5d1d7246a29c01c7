# SPDX-License-Identifier: Apache-2.0
"""models/fetch against a server on this machine, with a manifest of its own."""

import fcntl
import hashlib
import http.server
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CONTENT = bytes(range(256)) * 9000  # more than two blocks


class Handler(http.server.BaseHTTPRequestHandler):
    """/good, /norange, /cut (ends in the middle), /other (wrong bytes of the right size)."""

    def do_GET(self):
        self.server.seen.append((self.path, self.headers.get("Range")))
        path = self.path.rsplit("/", 1)[-1]
        if path not in ("good", "norange", "cut", "other"):
            self.send_error(404)
            return
        content = CONTENT[::-1] if path == "other" else CONTENT
        start = 0
        wanted = self.headers.get("Range")
        if wanted and path != "norange":
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = len(content) // 2 if path == "cut" else len(content)
        self.wfile.write(content[start:end])

    def log_message(self, *_):
        pass


class Fetch(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "models").mkdir()
        shutil.copy(ROOT / "models" / "fetch", self.folder / "models")
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.seen = []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.store = self.folder / "data" / "gst-sam2" / "models"
        self.model, self.part = self.store / "net.pt", self.store / "net.part"

    def offer(self, *models):
        """models: (name, URL, bytes or None)"""
        entries = [dict(name=name, file=f"{name}_file.pt", url=url, bytes=size,
                        sha256=hashlib.sha256(CONTENT).hexdigest(), licence="Apache-2.0",
                        member=name, image_size=1024) for name, url, size in models]
        (self.folder / "models" / "manifest.json").write_text(json.dumps({"models": entries}))

    def run_fetch(self, *arguments, **environment):
        environ = {name: value for name, value in os.environ.items()
                   if not name.lower().endswith("_proxy")}
        return subprocess.run([self.folder / "models" / "fetch", *arguments], text=True,
                              capture_output=True, timeout=60,
                              env={**environ, "XDG_DATA_HOME": str(self.folder / "data"),
                                   **environment})

    def fetch(self, path, size=len(CONTENT), **environment):
        self.offer(("net", f"{self.address}/{path}", size))
        return self.run_fetch("net", **environment)

    def start_part(self, content):
        self.store.mkdir(parents=True)
        self.part.write_bytes(content)

    def assert_stored(self, done):
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.model.read_bytes(), CONTENT)
        self.assertEqual(list(self.store.iterdir()), [self.model])

    def assert_refused(self, done, text):
        self.assertEqual(done.returncode, 1)
        self.assertIn(text, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        self.assertFalse(self.model.exists())

    def test_good_file_is_stored_under_the_models_name(self):
        self.assert_stored(self.fetch("good"))

    def test_size_need_not_be_known(self):
        self.assert_stored(self.fetch("good", None))

    def test_second_call_downloads_nothing(self):
        self.fetch("good")
        self.assertIn("already there", self.fetch("good").stdout)
        self.assertEqual(len(self.server.seen), 1)

    def test_damaged_file_is_fetched_anew(self):
        self.store.mkdir(parents=True)
        self.model.write_bytes(CONTENT[:-1] + b"x")
        self.assert_stored(self.fetch("good"))

    def test_cut_transfer_is_told_and_goes_on_where_it_stopped(self):
        self.assert_refused(self.fetch("cut"), "call again to go on")
        self.assertEqual(self.part.stat().st_size, len(CONTENT) // 2)
        self.assert_stored(self.fetch("good"))
        self.assertEqual(self.server.seen[-1], ("/good", f"bytes={len(CONTENT) // 2}-"))

    def test_complete_part_needs_no_server(self):
        self.start_part(CONTENT)
        self.assert_stored(self.fetch("good"))
        self.assertEqual(self.server.seen, [])

    def test_complete_part_of_unknown_size(self):
        self.start_part(CONTENT)
        self.assert_stored(self.fetch("good", None))

    def test_server_that_cannot_resume(self):
        self.start_part(CONTENT[:1000])
        self.assert_stored(self.fetch("norange"))

    def test_part_of_another_file_is_thrown_away(self):
        self.start_part(b"something else")
        self.assert_stored(self.fetch("good"))
        self.assertEqual([wanted for _, wanted in self.server.seen], ["bytes=14-", None])

    def test_wrong_hash_is_refused_and_removed(self):
        self.assert_refused(self.fetch("other"), "SHA-256")
        self.assertEqual(list(self.store.iterdir()), [])

    def test_wrong_size_is_refused_before_the_download(self):
        self.assert_refused(self.fetch("good", 5), "expected 5")
        self.assertEqual(list(self.store.iterdir()), [])

    def test_missing_file_names_the_answer(self):
        self.assert_refused(self.fetch("absent"), "404")
        self.assertEqual(list(self.store.iterdir()), [])

    def test_refused_connection_names_the_server(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.offer(("net", f"http://127.0.0.1:{port}/good", None))
        self.assert_refused(self.run_fetch("net"), f"cannot reach 127.0.0.1:{port}")

    def test_proxy_of_the_environment_is_asked(self):
        self.offer(("net", "http://models.example/good", None))
        self.assert_stored(self.run_fetch("net", http_proxy=self.address))
        self.assertEqual(self.server.seen, [("http://models.example/good", None)])

    def test_two_at_once_do_not_write_the_same_file(self):
        self.start_part(b"")
        with open(self.part, "ab") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            self.assert_refused(self.fetch("good"), "another process")

    def test_folder_that_cannot_be_made(self):
        (self.folder / "data").write_text("a file")
        self.offer(("net", f"{self.address}/good", None))
        done = self.run_fetch("net")
        self.assertEqual(done.returncode, 1)
        self.assertNotIn("Traceback", done.stderr)

    def test_all_goes_on_after_a_failure(self):
        self.offer(("one", f"{self.address}/absent", None), ("two", f"{self.address}/good", None))
        self.assertEqual(self.run_fetch("--all").returncode, 1)
        self.assertEqual([file.name for file in self.store.iterdir()], ["two.pt"])

    def test_list_downloads_nothing(self):
        self.offer(("net", f"{self.address}/good", 12_000_000))
        self.assertRegex(self.run_fetch("--list").stdout, r"net +12 +Apache-2.0 +1024")
        self.assertEqual(self.server.seen, [])

    def test_unknown_name_is_refused_with_those_there_are(self):
        self.offer(("net", f"{self.address}/good", None))
        done = self.run_fetch("nat")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, "no model nat; there are net")

    def test_nothing_asked_for(self):
        self.offer(("net", f"{self.address}/good", None))
        self.assertEqual(self.run_fetch().returncode, 2)


class Manifest(unittest.TestCase):
    def test_is_complete(self):
        models = json.loads((ROOT / "models" / "manifest.json").read_text())["models"]
        self.assertEqual(len({model["name"] for model in models}), 9)
        for model in models:
            self.assertRegex(model["sha256"], "^[0-9a-f]{64}$")
            self.assertTrue(model["url"].startswith("https://"))
            self.assertTrue(model["url"].endswith("/" + model["file"]))
            self.assertEqual(model["licence"], "Apache-2.0")
            self.assertEqual(model["image_size"], 1024)


if __name__ == "__main__":
    unittest.main()
