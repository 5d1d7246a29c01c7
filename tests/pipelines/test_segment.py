# SPDX-License-Identifier: Apache-2.0
"""pipelines/segment as a user calls it, on pictures of every kind and on bad input."""

import argparse
import contextlib
import io
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock

from PIL import Image, ImageDraw, ImageFilter

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SEGMENT = ROOT / "pipelines" / "segment"
sys.path.insert(0, str(ROOT / "pipelines"))
from common import gstreamer  # noqa: E402
from stills import coco, masks, pictures  # noqa: E402

WIDTH, HEIGHT = 160, 120
DISC = (40, 20, 120, 100)  # corners
BOX = "40,20,80,80"


def drawing():
    image = Image.new("RGB", (WIDTH, HEIGHT), (40, 60, 80))
    ImageDraw.Draw(image).ellipse(DISC, fill=(230, 190, 60))
    return image


def segment(*arguments, **options):
    return subprocess.run([SEGMENT, *map(str, arguments)], capture_output=True, text=True,
                          timeout=300, check=False, **options)


class Folder(unittest.TestCase):
    """Each test has a folder of its own, with pictures in `in`."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.input, self.out = self.folder / "in", self.folder / "out"
        self.input.mkdir()

    def segment(self, *arguments, **options):
        return segment(self.input, *arguments, "--output", self.out, **options)

    def result(self):
        return json.loads((self.out / "annotations.json").read_text(encoding="utf-8"))

    def coco(self, images, annotations, categories=({"id": 3, "name": "disc"},)):
        path = self.folder / "boxes.json"
        path.write_text(json.dumps({"images": images, "annotations": annotations,
                                    "categories": list(categories)}), encoding="utf-8")
        return path


class Pictures(Folder):
    def test_every_kind_of_file(self):
        image = drawing()
        exif = Image.Exif()
        exif[0x112] = 6  # to be turned by 90 degrees
        image.save(self.input / "plain.jpg")
        image.save(self.input / "lossless.png")
        image.save(self.input / "web.webp")
        image.save(self.input / "bitmap.bmp")
        image.rotate(90, expand=True).save(self.input / "turned.jpg", exif=exif)
        image.convert("CMYK").save(self.input / "print.jpg")
        image.convert("L").save(self.input / "grey.png")
        image.convert("L").convert("I").point(lambda level: level * 257).save(
            self.input / "deep.png")
        image.convert("1").save(self.input / "bits.png")
        image.convert("P").save(self.input / "palette.png")
        transparent = image.convert("RGBA")
        transparent.putalpha(250)
        transparent.save(self.input / "alpha.png")
        image.save(self.input / "film.webp", save_all=True, append_images=[image.rotate(90)])
        run = self.segment("--box", BOX)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("film.webp: it has 2 pictures, the first one is taken", run.stderr)
        result = self.result()
        self.assertEqual(len(result["images"]), 12)
        self.assertEqual(len(result["annotations"]), 12)
        for found in result["images"]:
            self.assertEqual((found["width"], found["height"]), (WIDTH, HEIGHT), found)
        for found in result["annotations"]:
            self.assertEqual(found["segmentation"]["size"], [HEIGHT, WIDTH])
            self.assertGreater(found["area"], 0)
        for name in ("plain", "turned", "film"):
            with Image.open(self.out / "overlays" / f"{name}.png") as overlay:
                self.assertEqual(overlay.size, (WIDTH, HEIGHT))

    def test_the_built_in_model_looks_twice_in_a_window_of_a_box_and_a_half_and_refines_edges(self):
        picture = Image.new("RGB", (640, 480), (40, 60, 80))
        picture.paste(drawing().crop((30, 10, 130, 110)), (100, 200))
        picture = picture.filter(ImageFilter.GaussianBlur(4))   # so that the network is not sure of its edge
        picture.save(self.input / "a.png")
        found = {}
        for name, arguments in {"default": (), "half": ("--search-window", 1.5),
                                "none": ("--search-window", 0),
                                "once": ("--no-second-look", "--no-refine-edges"),
                                "vague": ("--no-refine-edges",)}.items():
            self.out = self.folder / name
            result = self.segment("--box", "110,210,80,80", "--no-overlays", *arguments)
            self.assertEqual(result.returncode, 0, result.stderr)
            found[name] = self.result()["annotations"][0]["segmentation"]["counts"]
        self.assertEqual(found["default"], found["half"])
        self.assertNotEqual(found["default"], found["none"])
        self.assertNotEqual(found["default"], found["vague"])
        self.assertNotEqual(found["vague"], found["once"])  # refined, both are the same here

    def test_small_holes_and_specks_of_the_built_in_model_are_removed_alone(self):
        for model, area in {None: 8, "builtin": 8, "edgetam": None}.items():
            arguments = argparse.Namespace(model=model, search_window=None, second_look=None,
                                           refine_edges=None)
            found = gstreamer.stills_properties(arguments)
            self.assertEqual((found["max-hole-area"], found["max-sprinkle-area"]), (area, area))

    def test_broken_files_are_reported_and_left_out(self):
        drawing().save(self.input / "good.jpg")
        (self.input / "cut.jpg").write_bytes((self.input / "good.jpg").read_bytes()[:900])
        (self.input / "text.png").write_text("no picture")
        (self.input / "empty.bmp").touch()
        drawing().save(self.input / "exif.png", exif=b"Exif\0\0MM\0*")  # cut off: struct.error
        run = self.segment("--box", BOX)
        self.assertEqual(run.returncode, 0, run.stderr)
        for name in ("cut.jpg", "text.png", "empty.bmp", "exif.png"):
            self.assertIn(f"{name} is left out", run.stderr)
        self.assertIn("4 of 5 pictures were left out", run.stderr)
        self.assertEqual([i["file_name"] for i in self.result()["images"]], ["good.jpg"])

    def test_a_picture_of_one_pixel(self):
        Image.new("RGB", (1, 1)).save(self.input / "dot.png")
        run = self.segment("--box", "0,0,1,1")
        self.assertEqual(run.returncode, 0, run.stderr)

    def test_pictures_that_are_too_large_are_left_out(self):
        Image.new("L", (40000, 2)).save(self.input / "long.png")
        drawing().save(self.input / "good.png")
        run = self.segment("--box", "0,0,1,1")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("long.png is left out: 40000x2 pixels are too many: 32767 on a side",
                      run.stderr)
        with unittest.mock.patch.multiple(pictures, LARGE=0, _free_memory=lambda: 100_000):
            with self.assertRaisesRegex(pictures.BrokenPicture, "160x120 pixels need 0.0 GB"):
                pictures.read(self.input / "good.png")
        self.assertEqual(pictures.read(self.input / "good.png")[0].size, (WIDTH, HEIGHT))

    def test_a_box_outside_is_refused_and_the_rest_done(self):
        drawing().save(self.input / "a.png")
        run = self.segment("--box", "500,500,20,20", "--box", BOX)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("lies outside the 160x120 frame", run.stderr)
        self.assertEqual(len(self.result()["annotations"]), 1)

    def test_other_forms_of_the_masks(self):
        drawing().save(self.input / "a.png")
        run = self.segment("--box", BOX, "--masks", "polygon", "--labelme", "--png")
        self.assertEqual(run.returncode, 0, run.stderr)
        found, = self.result()["annotations"]
        for polygon in found["segmentation"]:
            self.assertGreaterEqual(len(polygon), 6)
        with Image.open(self.out / "labels" / "a.png") as labels:
            self.assertEqual(sum(labels.histogram()[1:2]), found["area"])
            self.assertEqual(labels.histogram()[0] + found["area"], WIDTH * HEIGHT)
        labelme = json.loads((self.out / "labelme" / "a.json").read_text())
        self.assertEqual(len(labelme["shapes"]), len(found["segmentation"]))
        self.assertTrue((self.out / "labelme" / labelme["imagePath"]).samefile(
            self.input / "a.png"))

    def test_a_mask_without_polygon_was_found_all_the_same(self):
        drawing().save(self.input / "a.png")
        run = self.segment("--box", BOX, "--masks", "polygon", "--min-area", 1e6)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn(f"a.png: what was found in {BOX} is smaller than --min-area", run.stderr)
        self.assertEqual(self.result()["annotations"], [])

    def test_equal_names_do_not_overwrite_each_other(self):
        drawing().save(self.input / "a.png")
        drawing().save(self.input / "a.jpg")
        self.assertEqual(self.segment("--box", BOX).returncode, 0)
        self.assertEqual({p.name for p in (self.out / "overlays").iterdir()},
                         {"a.png.png", "a.jpg.png"})

    def test_what_a_run_wrote_is_no_input_of_the_next_one(self):
        for output in (self.input / "out", self.input, self.folder):
            with self.subTest(output):
                shutil.rmtree(self.folder)
                (self.input / "sub").mkdir(parents=True)
                drawing().save(self.input / "a.png")
                drawing().save(self.input / "sub" / "b.png")
                for _ in range(2):
                    run = segment(self.input, "--box", BOX, "--png", "--output", output)
                    self.assertEqual(run.returncode, 0, run.stderr)
                    result = json.loads((output / "annotations.json").read_text())
                    self.assertEqual([image["file_name"] for image in result["images"]],
                                     ["a.png", "sub/b.png"])
                self.assertTrue((output / "overlays" / "a.png").is_file())

    def test_pictures_that_an_earlier_run_wrote_can_be_asked_for(self):
        for name in ("out/a.png", "out/overlays/b.png", "out/overlays/out/c.png"):
            path = self.input / name
            path.parent.mkdir(parents=True, exist_ok=True)
            drawing().save(path)
        out = self.input / "out"
        written = [out, out / "overlays"]
        self.assertEqual(pictures.find(self.input, written), [])
        self.assertEqual(pictures.find(out, written), [pathlib.Path("a.png")])
        self.assertEqual(pictures.find(out / "overlays", written),
                         [pathlib.Path("b.png"), pathlib.Path("out/c.png")])
        with contextlib.chdir(self.input):  # as it is called most often
            self.assertEqual(pictures.find(pathlib.Path("."), [pathlib.Path("out")]), [])

    def test_everything(self):
        drawing().save(self.input / "a.png")
        run = self.segment("--everything", "--points-per-side", 4, "--pred-iou-thresh", 0,
                           "--stability-score-thresh", 0, "--labelme", "--label", "cell")
        self.assertEqual(run.returncode, 0, run.stderr)
        shapes = json.loads((self.out / "labelme" / "a.json").read_text())["shapes"]
        self.assertEqual({shape["label"] for shape in shapes}, {"cell"})
        areas = [found["area"] for found in self.result()["annotations"]]
        self.assertGreater(len(areas), 1)
        self.assertEqual(areas, sorted(areas, reverse=True))


class CocoBoxes(Folder):
    IMAGE = {"id": 8, "file_name": "a.png"}

    def setUp(self):
        super().setUp()
        drawing().save(self.input / "a.png")

    def annotation(self, number, **more):
        return {"id": number, "image_id": 8, "category_id": 3, "bbox": [40, 20, 80, 80], **more}

    def test_ids_and_categories_stay(self):
        path = self.coco([self.IMAGE], [self.annotation(77), self.annotation(5)])
        run = self.segment("--boxes", path)
        self.assertEqual(run.returncode, 0, run.stderr)
        result = self.result()
        self.assertEqual(sorted(a["id"] for a in result["annotations"]), [5, 77])
        self.assertEqual({(a["image_id"], a["category_id"]) for a in result["annotations"]},
                         {(8, 3)})
        self.assertEqual(result["categories"][0]["name"], "disc")

    def test_refusals_are_told_however_long_a_picture_takes(self):
        path = self.coco([self.IMAGE], [self.annotation(1), self.annotation(7, bbox=[10, 10, 0, 5])])
        impatient = ("import runpy, sys; sys.path.insert(0, sys.argv[1]); from stills import segmenter; "
                     "segmenter.TIMEOUT = 1; del sys.argv[:2]; "
                     "runpy.run_path(sys.argv[0], run_name='__main__')")
        run = subprocess.run(
            ["/usr/bin/python3", "-c", impatient, SEGMENT.parent, SEGMENT, self.input, "--boxes", path,
             "--output", self.out], capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("is empty", run.stderr)

    def test_what_cannot_be_used_is_told_and_the_rest_done(self):
        images = [self.IMAGE, {"id": 9, "file_name": "gone.png"},
                  {"id": 8, "file_name": "other.png"}, {"file_name": "no id"}]
        path = self.coco(images, [
            self.annotation(1), self.annotation(1), self.annotation(2, iscrowd=1),
            self.annotation(3, image_id=4), self.annotation(4, bbox=[1, 2, 3]),
            self.annotation(6, bbox=[1, 2, 3, None]), self.annotation(7, bbox=[10, 10, 0, 5]),
            "nonsense"])
        run = self.segment("--boxes", path)
        self.assertEqual(run.returncode, 0, run.stderr)
        for text in ("gone.png is left out: there is no such picture", "image id 8 is there twice",
                     "an image without id or file_name", "annotation id 1 is there twice",
                     "annotation 2 is left out: a crowd's box", "there is no image 4",
                     "annotation 4 is left out: its bbox", "annotation 6 is left out: its bbox",
                     "is empty", "an annotation is left out"):
            self.assertIn(text, run.stderr)
        self.assertEqual(sorted(a["id"] for a in self.result()["annotations"]), [1, 2])

    def boxes(self, annotations, label="object", **more):
        """(Boxes, what was complained of) of a file with picture 8 alone."""
        path = self.folder / "boxes.json"
        path.write_text(json.dumps({"images": [self.IMAGE], "annotations": annotations, **more}))
        complaints = []
        return coco.Boxes(path, complaints.append, label), complaints

    def test_boxes_without_a_category_get_the_label(self):
        bare = {"image_id": 8, "bbox": [40, 20, 80, 80]}
        null = {**bare, "category_id": None}
        disc = [{"id": 3, "name": "disc"}]
        for annotations, label, listed, ids, names in (
                ([bare, null], "thing", [], [1, 1], {1: "thing"}),
                ([bare, self.annotation(1)], "thing", disc, [4, 3], {3: "disc", 4: "thing"}),
                ([bare, self.annotation(1)], "disc", disc, [3, 3], {3: "disc"}),
                # 4 is taken by a category that is not listed.
                ([bare, self.annotation(1, category_id=4)], "thing", disc, [5, 4],
                 {3: "disc", 4: "4", 5: "thing"}),
                ([self.annotation(1)], "thing", disc, [3], {3: "disc"})):
            with self.subTest(names=names):
                found, complaints = self.boxes(annotations, label, categories=listed)
                self.assertEqual([a["category_id"] for a in found.annotations[8]], ids)
                self.assertEqual(found.categories, names)
                self.assertEqual(complaints, [])

    def test_the_label_is_written(self):
        path = self.coco([self.IMAGE], [self.annotation(1), self.annotation(2, category_id=None)])
        run = self.segment("--boxes", path, "--label", "thing", "--labelme")
        self.assertEqual(run.returncode, 0, run.stderr)
        result = self.result()
        self.assertEqual({c["id"]: c["name"] for c in result["categories"]},
                         {3: "disc", 4: "thing"})
        self.assertEqual({a["id"]: a["category_id"] for a in result["annotations"]}, {1: 3, 2: 4})
        shapes = json.loads((self.out / "labelme" / "a.json").read_text())["shapes"]
        self.assertEqual({shape["label"] for shape in shapes}, {"disc", "thing"})

    def test_ids_that_are_none(self):
        found, complaints = self.boxes([
            self.annotation(1, category_id="3"), self.annotation(2, image_id=[8]),
            self.annotation([3]), self.annotation(None), self.annotation(None)])
        self.assertEqual(complaints, ['annotation 1 is left out: its category_id is "3"',
                                      "annotation 2 is left out: there is no image [8]"])
        self.assertEqual([a["id"] for a in found.annotations[8]], [None, None, None])

    def test_one_picture_that_the_file_has_and_has_not(self):
        path = self.coco([{"id": 9, "file_name": "other.png"}, self.IMAGE], [self.annotation(1)])
        run = segment(self.input / "a.png", "--boxes", path, "--output", self.out)
        self.assertEqual((run.returncode, run.stderr.count("left out")), (0, 0), run.stderr)
        self.assertEqual([i["file_name"] for i in self.result()["images"]], ["a.png"])
        path = self.coco([{"id": 9, "file_name": "other.png"}], [])
        run = segment(self.input / "a.png", "--boxes", path, "--output", self.out)
        self.assertEqual((run.returncode, run.stderr),
                         (1, f"segment: no image of {path} is named a.png\n"))
        run = self.segment("--boxes", path)
        self.assertEqual(run.returncode, 1)
        self.assertIn(f"segment: no image of {path} is in {self.input}\n", run.stderr)

    def test_the_boxes_are_not_overwritten(self):
        path = self.coco([self.IMAGE], [self.annotation(1)]).rename(
            self.folder / "annotations.json")
        before = path.read_text()
        run = segment(self.input, "--boxes", path, "--output", self.folder)
        self.assertEqual(run.returncode, 1)
        self.assertIn("annotations.json is the input itself", run.stderr)
        self.assertEqual(path.read_text(), before)

    def test_files_that_are_no_coco(self):
        for content in ("", "[]", "{}", '{"images": 1, "annotations": []}'):
            path = self.folder / "bad.json"
            path.write_text(content)
            run = self.segment("--boxes", path)
            self.assertEqual(run.returncode, 1, content)
            self.assertIn("bad.json: no ", run.stderr)
            self.assertNotIn("Traceback", run.stderr)


class Resume(Folder):
    COUNT = 40

    def setUp(self):
        super().setUp()
        for i in range(self.COUNT):
            drawing().resize((WIDTH + i, HEIGHT)).save(self.input / f"{i:02d}.png")

    def interrupt(self):
        """Stops a run when some pictures are done, and cuts the last line as a crash would."""
        run = subprocess.Popen([SEGMENT, self.input, "--box", BOX, "--no-overlays", "--output",
                                self.out], stderr=subprocess.PIPE, text=True)
        partial = self.out / "annotations.partial"
        end = time.monotonic() + 120
        while not partial.exists() or len(partial.read_bytes().splitlines()) < 6:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)
        run.send_signal(signal.SIGINT)
        _, text = run.communicate(timeout=60)
        self.assertEqual(run.returncode, 130, text)
        self.assertIn("--resume goes on", text)
        partial.write_bytes(partial.read_bytes()[:-20])

    def test_goes_on_where_it_stopped(self):
        self.interrupt()
        again = self.segment("--box", BOX, "--no-overlays")
        self.assertEqual(again.returncode, 1)
        self.assertIn("--resume goes on with it", again.stderr)
        for different in (["--box", "1,1,9,9", "--no-overlays"], ["--box", BOX],
                          ["--box", BOX, "--no-overlays", "--png"],
                          ["--box", BOX, "--no-overlays", "--labelme"]):
            other = self.segment(*different, "--resume")
            self.assertEqual(other.returncode, 1)
            self.assertIn("other settings", other.stderr)
        run = self.segment("--box", BOX, "--no-overlays", "--resume")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("pictures are done already", run.stderr)
        result = self.result()
        self.assertEqual(len({i["file_name"] for i in result["images"]}), self.COUNT)
        self.assertEqual(len(result["images"]), self.COUNT)
        self.assertEqual(sorted(a["id"] for a in result["annotations"]),
                         list(range(1, self.COUNT + 1)))
        self.assertFalse((self.out / "annotations.partial").exists())


class Refusals(Folder):
    def expect(self, text, *arguments):
        run = segment(*arguments, "--output", self.out)
        self.assertNotEqual(run.returncode, 0)
        self.assertIn(text, run.stderr)
        self.assertNotIn("Traceback", run.stderr)

    def test_no_prompt(self):
        drawing().save(self.input / "a.png")
        self.expect("say what to segment", self.input)
        self.expect("say what to segment", self.input, "--everything", "--box", BOX)

    def test_options_of_the_other_mode(self):
        drawing().save(self.input / "a.png")
        self.expect("--points-per-side: only with --everything", self.input, "--box", BOX,
                    "--points-per-side", 4)
        self.expect("--search-window, --second-look: not with --everything", self.input,
                    "--everything", "--search-window", 2, "--no-second-look")

    def test_no_pictures(self):
        self.expect("there is no picture", self.input, "--box", BOX)
        self.expect("there is no file or folder", self.folder / "nowhere", "--box", BOX)

    def test_bad_values(self):
        drawing().save(self.input / "a.png")
        self.expect("is not x,y,width,height", self.input, "--box", "1,2,3")
        self.expect("is not x,y,width,height", self.input, "--box", "1,2,3,nan")
        self.expect("width and height must be above 0", self.input, "--box", "1,2,0,4")
        self.expect("There is no model", self.input, "--box", BOX, "--model", "nothing")
        self.expect("points-per-side", self.input, "--everything", "--points-per-side", 0)
        self.expect("whole number", self.input, "--everything", "--points-per-side", 4.5)
        self.expect("search-window 11.0 is not allowed", self.input, "--box", BOX,
                    "--search-window", 11)
        self.expect("search-window 0.5", self.input, "--box", BOX, "--search-window", 0.5)


class RunLengths(unittest.TestCase):
    def test_decoding(self):
        # pycocotools.mask.encode of a 4x3 picture whose second column is set
        picture = masks.decode_rle("336", 4, 3)
        self.assertEqual([x for x in range(4) if picture.getpixel((x, 1))], [1])


class LabelMaps(unittest.TestCase):
    def test_more_objects_than_a_byte_counts(self):
        # pycocotools.mask.encode of a 300x1 picture with one pixel set: 0, 7 and 299
        counts = {1: "01[9", 8: "71T9", 300: "[91"}
        objects = [{"area": 1, "segmentation": {"counts": counts[number]}} if number in counts
                   else {"area": 0} for number in range(1, 301)]
        file = io.BytesIO()
        masks.label_map(objects, 300, 1).save(file, "PNG")
        with Image.open(file) as labels:
            found = [labels.getpixel((x, 0)) for x in range(300)]
        self.assertEqual({x: number for x, number in enumerate(found) if number},
                         {0: 1, 7: 8, 299: 300})


if __name__ == "__main__":
    unittest.main()
