# SPDX-License-Identifier: Apache-2.0
"""COCO's JSON of instances: boxes in, masks out."""

import json
import math
import os

from common.gstreamer import Failure


class Boxes:
    """The boxes of a COCO file by picture. What cannot be used is told by `complain`.

    label: name of the category of boxes without one.
    """

    def __init__(self, path, complain, label):
        self.complain = complain
        try:
            with open(path, encoding="utf-8") as file:
                data = json.load(file)
        except OSError as problem:
            raise Failure(f"{path}: {problem.strerror}") from None
        except ValueError as problem:
            raise Failure(f"{path}: no JSON: {problem}") from None
        if not isinstance(data, dict) or not isinstance(data.get("images"), list) \
                or not isinstance(data.get("annotations"), list):
            raise Failure(f"{path}: no COCO file: 'images' or 'annotations' is missing")
        self.categories = self._categories(data.get("categories", []))
        self.images = self._images(data["images"])  # by id
        self.annotations = {}  # lists by image id
        self._read_annotations(data["annotations"])
        self._give_category(label)

    def _categories(self, entries):
        names = {}
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and isinstance(entry.get("id"), int):
                names.setdefault(entry["id"], str(entry.get("name", entry["id"])))
        return names

    def _images(self, entries):
        images, files = {}, set()
        for entry in entries:
            if not isinstance(entry, dict) or not isinstance(entry.get("id"), int) \
                    or not isinstance(entry.get("file_name"), str):
                self.complain(f"an image without id or file_name is left out: {_short(entry)}")
            elif entry["id"] in images:
                self.complain(f"image id {entry['id']} is there twice: {entry['file_name']} "
                              f"is left out, {images[entry['id']]['file_name']} stays")
            elif entry["file_name"] in files:
                self.complain(f"{entry['file_name']} is there twice: image {entry['id']} is left out")
            else:
                images[entry["id"]] = entry
                files.add(entry["file_name"])
        return images

    def _read_annotations(self, entries):
        seen = set()
        for entry in entries:
            reason = self._reason_to_skip(entry)
            if reason:
                self.complain(reason)
                continue
            number = entry.get("id")
            if not isinstance(number, int):
                number = None
            elif number in seen:
                self.complain(f"annotation id {number} is there twice: the second one gets a new "
                              "id")
                number = None
            seen.add(number)
            category = entry.get("category_id")
            if category is not None:
                self.categories.setdefault(category, str(category))
            self.annotations.setdefault(entry["image_id"], []).append(
                {"id": number, "category_id": category, "box": [float(v) for v in entry["bbox"]]})

    def _give_category(self, label):
        """Only now, when all ids that are taken are known."""
        without = [annotation for some in self.annotations.values() for annotation in some
                   if annotation["category_id"] is None]
        if not without:
            return
        number = next((number for number, name in self.categories.items() if name == label),
                      max(self.categories, default=0) + 1)
        self.categories[number] = label
        for annotation in without:
            annotation["category_id"] = number

    def _reason_to_skip(self, entry):
        if not isinstance(entry, dict):
            return f"an annotation is left out, it is no object: {_short(entry)}"
        name = f"annotation {entry.get('id')}"
        image = entry.get("image_id")
        if not isinstance(image, int) or image not in self.images:
            return f"{name} is left out: there is no image {_short(image)}"
        if entry.get("iscrowd"):
            return f"{name} is left out: a crowd's box holds many objects"
        box = entry.get("bbox")
        if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
            return f"{name} is left out: its bbox is {_short(box)}, not [x, y, width, height]"
        if not isinstance(entry.get("category_id"), (int, type(None))):
            return f"{name} is left out: its category_id is {_short(entry['category_id'])}"
        return None


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _short(value):
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


class Results:
    """Results picture by picture in a file of JSON lines, which becomes a COCO file in the end.

    What was written before an interruption stays. The first line holds the settings, so that a run
    is not gone on with other ones.
    """

    def __init__(self, path, settings, resume):
        self.path = path
        self.lines = path.with_suffix(".partial")
        self.done = set()  # file names
        settings = json.loads(json.dumps(settings))
        if self.lines.exists() and (resume or self._has_pictures()):
            if not resume:
                raise Failure(f"an interrupted run is in {self.lines}: --resume goes on with it; "
                              "delete the file to start anew")
            self._recover(settings)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.lines.write_text(json.dumps({"settings": settings}) + "\n", encoding="utf-8")
        self.file = open(self.lines, "a", encoding="utf-8")

    def _has_pictures(self):
        with open(self.lines, "rb") as file:
            return len(file.readlines(1 << 20)) > 1

    def _recover(self, settings):
        """Reads what is done and cuts off a line that was not finished."""
        end = 0
        with open(self.lines, "rb") as file:
            for line in file:
                try:
                    entry = json.loads(line) if line.endswith(b"\n") else None
                except ValueError:
                    entry = None
                if entry is None:
                    break
                if end == 0 and entry.get("settings") != settings:
                    raise Failure(f"the interrupted run in {self.lines} had other settings: "
                                  "repeat them, or delete the file to start anew")
                if "image" in entry:
                    self.done.add(entry["image"]["file_name"])
                end += len(line)
        if end == 0:
            raise Failure(f"{self.lines} is damaged: delete it to start anew")
        os.truncate(self.lines, end)

    def add(self, image, annotations):
        """One picture's entry and its annotations, whose id may be None."""
        self.file.write(json.dumps({"image": image, "annotations": annotations}) + "\n")
        self.file.flush()
        self.done.add(image["file_name"])

    def close(self):
        self.file.close()

    def finish(self, categories):
        """Writes the COCO file from the lines, passing over them a few times."""
        self.close()
        used = {a["id"] for a in self._annotations() if a["id"] is not None}
        write(self.path, (entry["image"] for entry in self._entries()), self._annotations(),
              categories, used)
        self.lines.unlink()

    def _entries(self):
        with open(self.lines, encoding="utf-8") as file:
            next(file)
            for line in file:
                yield json.loads(line)

    def _annotations(self):
        for entry in self._entries():
            yield from entry["annotations"]


def write(path, images, annotations, categories, used=()):
    """Writes a COCO file at once or not at all. Annotations whose id is None get one that is not
    in `used`; all may be generators."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new_path = path.with_suffix(".new")
    with open(new_path, "w", encoding="utf-8") as out:
        out.write('{"info": {"description": "segmented by gst-sam2"},\n"categories": ')
        out.write(json.dumps([{"id": number, "name": name, "supercategory": ""}
                              for number, name in sorted(categories.items())]))
        out.write(',\n"images": [\n')
        _write_list(out, images)
        out.write('],\n"annotations": [\n')
        _write_list(out, _numbered(annotations, used))
        out.write("]}\n")
    os.replace(new_path, path)


def _numbered(annotations, used):
    number = 0
    for annotation in annotations:
        if annotation["id"] is None:
            number += 1
            while number in used:
                number += 1
            annotation = {**annotation, "id": number}
        yield annotation


def _write_list(out, items):
    for i, item in enumerate(items):
        out.write((",\n" if i else "") + json.dumps(item))
    out.write("\n")
