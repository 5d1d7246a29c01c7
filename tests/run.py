# SPDX-License-Identifier: Apache-2.0
"""Runs the built GoogleTest programs through meson and the Python tests, and counts their cases.

A program that crashes, hangs or leaves no report counts as one failed case beside those that it
reported.
"""

import json
import os
import pathlib
import subprocess
import sys
import unittest
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOGS = ROOT / "build" / "meson-logs"
FINE = ("OK", "SKIP", "EXPECTEDFAIL")


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def case(self, failed, skipped):
        self.failed += failed
        self.skipped += skipped and not failed
        self.passed += not failed and not skipped


def is_failed(case):
    return case.find("failure") is not None or case.find("error") is not None


def is_skipped(case):
    # GoogleTest 1.12 writes <skipped>, older ones only the attribute.
    return case.find("skipped") is not None or case.get("result") == "skipped"


def run_programs(names, count):
    """meson's tests; GoogleTest cases are read from the reports that meson gathers."""
    # A program that writes none of its own must not be counted by that of a former run.
    for report in (LOGS / "testlog.json", LOGS / "testlog.junit.xml", *LOGS.parent.glob("*.xml")):
        report.unlink(missing_ok=True)
    status = subprocess.run(
        ["meson", "test", "-C", ROOT / "build", "--no-rebuild", "--print-errorlogs", *names],
        stdin=subprocess.DEVNULL).returncode
    try:
        programs = [json.loads(line) for line in (LOGS / "testlog.json").read_text().splitlines()]
        suites = list(xml.parse(LOGS / "testlog.junit.xml").getroot().iter("testsuite"))
    except (OSError, ValueError, xml.ParseError) as error:
        print(f"no test report: {error}", file=sys.stderr)
        count.failed += 1
        return
    cases = {}  # meson calls a GoogleTest suite PROJECT.PROGRAM.SUITE
    for suite in suites:
        cases.setdefault(suite.get("name"), []).extend(suite.iter("testcase"))
    for program in programs:
        fine = program["result"] in FINE
        own = [case for suite, some in cases.items() if f".{program['name']}." in suite
               for case in some]
        failed = [case for case in own if is_failed(case)]
        for case in own:
            count.case(case in failed, is_skipped(case))
        if not own:
            fine = fine and program["result"] == "SKIP"
            count.case(not fine, fine)
        elif not fine and not failed:
            count.failed += 1
        for case in failed:
            print(f"FAILED {program['name']}: {case.get('classname')}.{case.get('name')}")
        if not fine and not failed:
            print(f"FAILED {program['name']}: {program['result']}, {len(own)} cases reported")
    if status != 0 and count.failed == 0:
        count.failed += 1


def cases_of(entries):
    """The distinct cases among a result's (test, text), which may be several subTests of one."""
    return {getattr(test, "test_case", test) for test, _ in entries}


def run_scripts(count):
    """tests/pipelines/test_*.py: what lies in pipelines/ and ./setup, as a user calls them."""
    suite = unittest.defaultTestLoader.discover(str(ROOT / "tests" / "pipelines"))
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    failed = cases_of(result.failures + result.errors) | set(result.unexpectedSuccesses)
    skipped = cases_of(result.skipped) - failed
    count.failed += len(failed)
    count.skipped += len(skipped)
    # A class or module that could not be set up or torn down is no case that was run; and there
    # are versions of Python in which a skipped case is none.
    not_passed = sum(isinstance(case, unittest.TestCase) for case in failed | skipped)
    count.passed += max(0, result.testsRun - not_passed)


def main():
    os.chdir(ROOT)
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # several programs run at once
    os.environ.pop("GTEST_FILTER", None)  # all of them
    count = Count()
    run_programs(sys.argv[1:], count)
    if not sys.argv[1:]:
        run_scripts(count)
    sys.stderr.flush()
    print(f"{count.skipped} skipped")
    print(f"{count.passed} passed, {count.failed} failed", flush=True)
    sys.exit(count.failed > 0 or count.passed == 0)


if __name__ == "__main__":
    main()
