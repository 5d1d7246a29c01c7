# SPDX-License-Identifier: Apache-2.0
"""Downloads the Debian and PyPI packages of `sources.py` by name and unpacks them, and files of its repositories by
commit; nothing is installed.

    .deps/train/bin/python models/train/data/fetch.py [--licences all]
"""
import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

from licences import is_permissive
from sources import SOURCES
from unpack import unpack, unpack_zip

ROOT = Path(__file__).resolve().parents[3] / '.deps/train-data'


def package_folder(package):
    return ROOT / 'packages' / re.sub('[:/]', '-', package.split('@')[0])


def check_out(package, paths, folder):
    """git:OWNER/NAME@COMMIT of GitHub: `paths` alone are transferred, a PATH@COMMIT from there."""
    name, commit = package.removeprefix('git:').split('@')
    others = [path.split('@') for path in paths if '@' in path]
    paths = [path for path in paths if '@' not in path]
    subprocess.run(['git', 'clone', '-q', '-c', 'gc.auto=0', '--filter=blob:none', '--no-checkout',
                    f'https://github.com/{name}', folder], check=True)
    # `git checkout COMMIT -- PATHS` would ask for one file after the other.
    subprocess.run(['git', 'sparse-checkout', 'set', '--no-cone', *(f'/{path}' for path in paths)],
                   cwd=folder, check=True)
    subprocess.run(['git', 'checkout', '-q', commit], cwd=folder, check=True)
    for path, other in others:
        blob = subprocess.run(['git', 'show', f'{other}:{path}'], cwd=folder, check=True, capture_output=True).stdout
        (folder / path).write_bytes(blob)
    for path in paths:
        if not (folder / path).exists():
            raise FileNotFoundError(f'{package} has no {path}')


def fetch(package, paths):
    folder = package_folder(package)
    if folder.exists():
        return
    archives, unfinished = ROOT / 'archives', folder.with_suffix('.unfinished')
    shutil.rmtree(unfinished, ignore_errors=True)           # of an interrupted run
    archives.mkdir(parents=True, exist_ok=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    if package.startswith('git:'):
        check_out(package, paths, unfinished)
    elif package.startswith('pypi:'):
        name = package.removeprefix('pypi:')
        subprocess.run([sys.executable, '-m', 'pip', 'download', '-q', '--no-deps', '-d', archives, name], check=True)
        unpack_zip(next(archives.glob(f"{name.replace('-', '_')}-*.whl")), unfinished)
    else:
        if not list(archives.glob(f'{package}_*.deb')):
            subprocess.run(['apt-get', '-q', 'download', package], cwd=archives, check=True)
        subprocess.run(['dpkg', '-x', next(archives.glob(f'{package}_*.deb')), unfinished], check=True)
    unfinished.rename(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--licences', choices=['permissive', 'all'], default='permissive')
    arguments = parser.parse_args()
    for source in SOURCES:
        if arguments.licences == 'permissive' and source.licence and not is_permissive(source.licence):
            continue
        if source.rendered:
            continue
        fetch(source.package, source.paths)
        if source.unpack:
            unpack(source.unpack, package_folder(source.package))
        print(source.package, flush=True)


if __name__ == '__main__':
    main()
