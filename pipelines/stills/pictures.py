# SPDX-License-Identifier: Apache-2.0
"""Picture files as RGB, upright."""

import warnings

from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
MAX_SIDE = 32767  # pixels; what GStreamer's elements take
LARGE = 1 << 30  # bytes: smaller pictures are read without a look at the free memory
BYTES_PER_PIXEL = {"RGB": 8, "L": 8}  # at most at once: Pillow's 4, the frame's 3, masks
MORE_BYTES_PER_PIXEL = 12  # of modes that are converted first
ORIENTATION = 0x112  # EXIF
Image.MAX_IMAGE_PIXELS = None  # large pictures are meant
ImageFile.LOAD_TRUNCATED_IMAGES = False


class BrokenPicture(Exception):
    """A file that cannot be read as a picture, and why."""


def find(folder, written):
    """The picture files below a folder, sorted, relative to it, without those in folders inside of
    it that are in `written`."""
    folder = folder.resolve()
    left_out = {place.resolve() for place in written} - {folder, *folder.parents}
    return sorted(path.relative_to(folder) for path in folder.rglob("*")
                  if path.suffix.lower() in SUFFIXES and path.is_file()
                  and left_out.isdisjoint(path.parents))


def read(path):
    """(Pillow image in mode RGB, notes), with as few copies of the pixels as Pillow allows. Throws
    BrokenPicture.

    Rotation by EXIF is done, 16 bits become 8, transparent parts white; of an animation the first
    picture is taken, which a note says.
    """
    notes = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                if getattr(image, "n_frames", 1) > 1:
                    notes.append(f"it has {image.n_frames} pictures, the first one is taken")
                _check_size(image)
                image.load()
                return _to_rgb(_upright(image)), notes
    except FileNotFoundError:
        raise BrokenPicture("there is no such file") from None
    except UnidentifiedImageError:
        raise BrokenPicture("it is no picture") from None
    except MemoryError:
        raise BrokenPicture("it does not fit into memory") from None
    except BrokenPicture:
        raise
    except Exception as problem:  # at damaged files Pillow's decoders throw anything
        raise BrokenPicture(str(problem) or type(problem).__name__) from None


def _check_size(image):
    if max(image.size) > MAX_SIDE:
        raise BrokenPicture(f"{image.width}x{image.height} pixels are too many: "
                            f"{MAX_SIDE} on a side are allowed")
    needed = image.width * image.height * BYTES_PER_PIXEL.get(image.mode, MORE_BYTES_PER_PIXEL)
    if needed > LARGE and (free := _free_memory()) and needed > free:
        raise BrokenPicture(f"{image.width}x{image.height} pixels need {needed / 1e9:.1f} GB of "
                            f"memory, {free / 1e9:.1f} GB are free")


def _free_memory():
    """Bytes that programs can still get, or None where the system does not tell."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            return next(1024 * int(line.split()[1]) for line in file
                        if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return None


def _upright(image):
    return ImageOps.exif_transpose(image) if image.getexif().get(ORIENTATION, 1) != 1 else image


def _to_rgb(image):
    if image.mode.startswith("I"):  # 16 bits; Pillow's own conversion would cut, not scale
        return image.convert("I").point(lambda level: level / 256).convert("L").convert("RGB")
    if image.mode == "F":
        raise BrokenPicture("pictures of floating-point numbers have no known range")
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image if image.mode == "RGBA" else image.convert("RGBA")
        white = Image.new("RGB", rgba.size, "white")
        white.paste(rgba, mask=rgba.getchannel("A"))
        return white
    return image.convert("RGB")
