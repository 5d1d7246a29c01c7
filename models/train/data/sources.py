# SPDX-License-Identifier: Apache-2.0
"""Where the pictures come from: Debian and PyPI packages by name, repositories by commit, and what each is used for.

`licence` is a fixed licence name, or None: then each file's licence is looked up in the package's
own copyright file (`licences.py`).  What is not permissive there is used only with
`--licences all`.  `weight` is the share of a source among the cut-outs or the rooms drawn; it follows how
photographic the material is, not how much of it there is."""
import re
from dataclasses import dataclass


@dataclass
class Source:
    name: str
    package: str                    # a Debian package, `pypi:NAME`, or `git:OWNER/NAME@COMMIT` of GitHub
    kind: str                       # 'cutout', 'photo', 'texture', 'room' (frames and object ids), 'raw' (for cut_*.py)
    files: str                      # regex on the path inside the unpacked package
    licence: str | None = None
    weight: float = 0.0             # of cut-outs among cut-outs, of rooms among rooms
    min_bytes: int = 0
    max_side: int = 224             # cut-outs are stored no larger than this
    min_side: int = 40
    unpack: str | None = None       # 'cbdt' (emoji font), 'wad', 'rcc', 'zip': see unpack.py
    rendered: bool = False          # made by render_*.py or cut_*.py, NAME_FRAMES.png
    paths: tuple = ()               # of a repository: what is fetched; PATH@COMMIT of another commit

    def wants(self, path, size):
        return size >= self.min_bytes and re.search(self.files, path) is not None


PICTURE = r'\.(png|jpg|jpeg|webp)$'
SOURCES = [
    # -- cut-outs: public domain, CC0, CC-BY, OFL, BSD ---------------------------------------------
    Source('openclipart', 'openclipart-png', 'cutout', r'\.png$', 'public-domain', .20, min_bytes=4000),
    Source('emoji', 'fonts-noto-color-emoji', 'cutout', r'\.png$', 'OFL-1.1', .07, max_side=136, unpack='cbdt'),
    Source('sweethome3d', 'sweethome3d-furniture', 'cutout', r'\.png$', 'CC-BY-3.0', .10, min_bytes=1500,
           unpack='zip'),
    Source('freedoom', 'freedoom', 'cutout', r'/sprites/.*\.png$', 'freedoom', .06, min_side=36, unpack='wad'),
    Source('gcompris', 'gcompris-qt-data', 'cutout', PICTURE, None, .05, min_bytes=4000, unpack='rcc'),
    Source('supertuxkart', 'supertuxkart-data', 'cutout', r'\.png$', None, .03, min_bytes=12000),
    # -- 3D models of sweethome3d-furniture (CC0, CC-BY) and pybullet (zlib), scanned things, vehicles, people: drawn here ---
    Source('objects', 'rendered', 'cutout', r'^/objects/.*\.png$', 'CC-BY-3.0', .45, rendered=True),
    Source('ycb', 'git:elpis-lab/ycb_dataset@de71485f9d582d8d59fd8721442260ead15729b4', 'raw', '', 'CC-BY-4.0',
           paths=('ycb',)),
    Source('scans', 'rendered', 'cutout', r'^/scans/.*\.png$', 'CC-BY-4.0', .25, rendered=True),
    Source('gazebo', 'git:osrf/gazebo_models@8163eb4b5e7e21985c6591d1c0bfb56468c0093f', 'raw', '', 'CC-BY-3.0',
           paths=('ambulance', 'bus', 'fire_truck', 'hatchback', 'hatchback_blue', 'hatchback_red', 'prius_hybrid',
                  'suv')),
    Source('vehicles', 'rendered', 'cutout', r'^/vehicles/.*\.png$', 'CC-BY-3.0', .30, rendered=True),
    Source('avatars', 'git:c-frame/valid-avatars-glb@c4719df7a2b60a96cc7f56d67e247674b68c4ea7', 'raw', '', 'MIT',
           paths=('avatars',)),
    Source('people', 'rendered', 'cutout', r'^/people/.*\.png$', 'MIT', .40, rendered=True),
    Source('rooms', 'rendered', 'room', r'^/rooms/.*_\d+\.png$', 'CC-BY-3.0', .20, rendered=True),
    # -- things in the permissive photographs below (CC0, public domain, CC-BY), found by cut_photos.py
    Source('photo-objects', 'rendered', 'cutout', r'^/photo-objects/.*\.png$', 'CC-BY-4.0', .12, rendered=True),
    Source('photo-scenes', 'rendered', 'room', r'^/photo-scenes/.*_\d\.png$', 'CC-BY-4.0', .12, rendered=True),
    # -- photographs of COCO under CC-BY or without known restrictions, with its masks (CC-BY-4.0): cut_annotated.py
    Source('coco-128', 'git:developer0hye/COCO128@47a3de30aaf7ad1c02105bd80598fb03ac0d0789', 'raw', '', 'CC-BY-4.0',
           paths=('annotations/instances_train2017.json', 'train2017')),
    Source('coco-tiny-50', 'git:lizhogn/tiny_coco_dataset@68523ddd6c27f9ba5d2f0caf7f6fe95cc2c99311', 'raw', '',
           'CC-BY-4.0', paths=('tiny_coco',)),
    Source('coco-panoptic', 'git:lightly-ai/coco128_yolo@6d6f7a059ea63efffdbe48aca2d52c04d4c510e9', 'raw', '',
           'CC-BY-4.0', paths=('images/val2017', 'panoptic_segmentation/annotations')),
    Source('coco-mini', 'git:Obmutescence/COCO-MINI@644f29e7c1d2eefd9c4412d39bc5b0ee6fd0afd4', 'raw', '', 'CC-BY-4.0',
           paths=('annotations', 'train2017', 'val2017')),
    Source('coco-tiny', 'git:zzowenzz/COCO_Tiny@e7a689f7d6d1a1908df287c3e79eccdadfdba1fe', 'raw', '', 'CC-BY-4.0',
           paths=('annotations', 'train2017', 'val2017')),
    Source('coco-yolo', 'git:minto5z/coco_yolo@4715f5ca05a6ffc148d4c4e5b0a131663655f2be', 'raw', '', 'CC-BY-4.0',
           paths=('coco/annotations/instances_val2017.json', 'coco/images')),
    Source('coco-persons', 'git:manhph2211/HRNet-Pose-Estimation@fb7fb87780243e6a2a28b0b8beeff1cf7d7f90cf', 'raw', '',
           'CC-BY-4.0', paths=('data/coco/annotations/person_keypoints_val2017.json',     # of the pictures of coco-yolo
                               'data/coco/annotations/person_keypoints_train2017.json'
                               '@d59ba4d7720f48a4e27d9af278f38b29eacf61b4')),
    Source('coco-minicoco', 'git:tikitong/minicoco@e00ceccc8121a8885b5ccb6b9ecde54491e1aa74', 'raw', '', 'CC-BY-4.0',
           paths=('data',)),
    Source('coco-mining', 'git:mchoccie/DeepDataMiningLearning@13136af80a7d3fc5eb26559bb52ae7d07143737a', 'raw', '',
           'CC-BY-4.0', paths=('data/annotations', 'data/images')),
    Source('coco-tiny-38', 'git:enginbozaba/tiny_coco@44ee1df5a4f5c3fa6ab7c68d85a0d45590758584', 'raw', '', 'CC-BY-4.0',
           paths=('annotations', 'images')),
    Source('coco-objects', 'rendered', 'cutout', r'^/coco-objects/.*\.png$', 'CC-BY-2.0', .80, rendered=True),
    Source('coco-scenes', 'rendered', 'room', r'^/coco-scenes/.*_\d\.png$', 'CC-BY-2.0', 1.6, rendered=True),
    # -- animals of Open Images (CC-BY-2.0), outlined by a student (CC-BY-4.0); books that students photographed: so too
    Source('animals-rare', 'git:KomaHomu/Applying-Mask-RCNN-in-endangered-animals-detection@'
           '609dc5553c744a77dca2dfd3eb433cb4ad02042d', 'raw', '', 'CC-BY-4.0', paths=('dataset',)),
    Source('animals-objects', 'rendered', 'cutout', r'^/animals-objects/.*\.png$', 'CC-BY-2.0', .35, rendered=True),
    Source('animals-scenes', 'rendered', 'room', r'^/animals-scenes/.*_\d\.png$', 'CC-BY-2.0', .80, rendered=True),
    Source('books-shelf', 'git:DiKe2004/sam2-finetune-segmentation@d8bb40f5d4f45714449b964d4d28395ca3de8bc7', 'raw', '',
           'CC-BY-4.0', paths=('dataset/train',)),
    Source('books-objects', 'rendered', 'cutout', r'^/books-objects/.*\.png$', 'CC-BY-4.0', .03, rendered=True),
    Source('books-scenes', 'rendered', 'room', r'^/books-scenes/.*_\d\.png$', 'CC-BY-4.0', .10, rendered=True),
    # -- things of Open Images (CC-BY-2.0) in boxes (CC-BY-4.0): cut_boxed.py ----------------------------------
    Source('boxed-rabbits', 'git:ayten2301/rabbit@eea7557349eda5faea5e9c19fe1ccd2b6f4cf044', 'raw', '', 'CC-BY-4.0',
           paths=('train',)),
    Source('boxed-people', 'git:Tran-Hung/OIDv4@be05558eb5aa9abd41726a26e14bb4b54e1050eb', 'raw', '', 'CC-BY-4.0',
           paths=('OID/Dataset/images', 'OID/Dataset/labels')),
    Source('boxed-fruit', 'git:meechainp/Custom-Dataset-YOLOv4@42a369b4cde946496f84d6ba69e67d099e2a6bfe', 'raw', '',
           'CC-BY-4.0', paths=('Dataset',)),
    Source('boxed-cars', 'git:Abhi-899/YOLOV4-Custom-Object-Detection@2c392c179484d469e439331d1ffd809de775dc42', 'raw',
           '', 'CC-BY-4.0', paths=('Dataset',)),
    Source('boxed-objects', 'rendered', 'cutout', r'^/boxed-objects/.*\.png$', 'CC-BY-2.0', .15, rendered=True),
    Source('boxed-scenes', 'rendered', 'room', r'^/boxed-scenes/.*_\d\.png$', 'CC-BY-2.0', .40, rendered=True),
    # -- clothes at home, given for the purpose by 32 people (CC0): cut_clothes.py -----------------------
    Source('clothes', 'git:alexeygrigorev/clothing-dataset-small@11961516512414bf9f6c150a832cfd21b54a6b54', 'raw', '',
           'CC0-1.0', paths=('train',)),
    Source('cloth-objects', 'rendered', 'cutout', r'^/cloth-objects/.*\.png$', 'CC0-1.0', .20, rendered=True),
    Source('cloth-scenes', 'rendered', 'room', r'^/cloth-scenes/.*_\d\.png$', 'CC0-1.0', .12, rendered=True),
    # -- what moves before a still camera: cut_videos.py ------------------------------------------------
    Source('intel-videos', 'git:intel-iot-devkit/sample-videos@57978890822836f2b4743852f04f62fc511757e4', 'raw', '',
           'CC-BY-4.0', paths=('one-by-one-person-detection.mp4', 'preview/fruit-and-vegetable-detection.gif',
                             'preview/worker-zone-detection.gif')),
    Source('video-scenes', 'rendered', 'room', r'^/video-scenes/.*_\d+\.png$', 'CC-BY-4.0', .08, rendered=True),
    # -- cut-outs: copyleft ------------------------------------------------------------------------
    Source('tuxpaint', 'tuxpaint-stamps-default', 'cutout', r'/stamps/(?!.*_mirror).*\.png$', 'GPL-2', .30),
    Source('wesnoth', 'wesnoth-1.16-data', 'cutout', r'^(?!.*/(l10n|help)/).*\.png$', 'GPL-2+', .11,
           min_bytes=25000),
    # -- photographs from Python packages: sample pictures with known authors -----------------------
    Source('skimage', 'pypi:scikit-image', 'photo', r'/data/(astronaut|chelsea|coffee|rocket|motorcycle_left)\.',
           'CC0'),
    Source('sklearn', 'pypi:scikit-learn', 'photo', r'/images/(china|flower)\.jpg$', 'CC-BY-3.0'),
    Source('skimage-texture', 'pypi:scikit-image', 'texture', r'/data/(grass|gravel|brick)\.png$', 'CC0'),
    Source('vpython-texture', 'pypi:vpython', 'texture', r'vpython_data/\w+_texture\.jpg$', 'MIT'),
    # -- photographs -------------------------------------------------------------------------------
    Source('lomiri-16.04', 'lomiri-wallpapers-16.04', 'photo', PICTURE, None, min_bytes=40000),
    Source('lomiri-20.04', 'lomiri-wallpapers-20.04', 'photo', PICTURE, None, min_bytes=40000),
    Source('gcompris-photo', 'gcompris-qt-data', 'photo', PICTURE, None, min_bytes=8000, unpack='rcc'),
    Source('stellarium', 'stellarium-data', 'photo', r'/landscapes/.*' + PICTURE, None, min_bytes=60000),
    Source('crawl-title', 'crawl-tiles-data', 'photo', r'/title_.*\.png$', 'GPL-2+', min_bytes=60000),
    Source('gnome', 'gnome-backgrounds', 'photo', PICTURE, 'CC-BY-SA-3.0', min_bytes=40000),
    Source('plasma', 'plasma-workspace-wallpapers', 'photo', PICTURE, 'GPL-2+', min_bytes=40000),
    Source('mate', 'mate-backgrounds', 'photo', PICTURE, 'GPL-2+', min_bytes=40000),
    Source('ukui', 'ukui-wallpapers', 'photo', PICTURE, 'GPL-2+', min_bytes=40000),
    # -- textures ----------------------------------------------------------------------------------
    Source('freedoom-texture', 'freedoom', 'texture', r'/(flats|textures)/.*\.png$', 'freedoom', unpack='wad'),
    Source('sweethome3d-texture', 'sweethome3d-furniture', 'texture', r'\.(jpg|png)$', 'CC-BY-3.0',
           min_bytes=8000, unpack='zip'),
    Source('supertuxkart-texture', 'supertuxkart-data', 'texture', PICTURE, None, min_bytes=30000),
    Source('ufoai-texture', 'ufoai-textures', 'texture', PICTURE, None, min_bytes=20000, unpack='zip'),
]
