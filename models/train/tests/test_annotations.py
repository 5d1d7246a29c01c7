# SPDX-License-Identifier: Apache-2.0
"""data/annotations.py takes COCO's permissive pictures alone, with the index that outlines most of them."""
import json
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import cv2
import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1] / 'data'))
import annotations                                  # noqa: E402

CC_BY, CC_BY_NC = 4, 2


def square(x, side=10):
    return [[x, 5, x + side, 5, x + side, 5 + side, x, 5 + side]]


def index(licences, things):
    """COCO's, of pictures {number: licence} and outlines [(number, outline)]."""
    return dict(images=[dict(id=number, license=licence, file_name=f'{number:012}.jpg', flickr_url=f'there/{number}')
                        for number, licence in licences.items()],
                annotations=[dict(image_id=number, segmentation=outline, iscrowd=0) for number, outline in things])


class Coco(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folders = [('one', Path(folder.name) / 'one'), ('another', Path(folder.name) / 'another')]
        for _, path in self.folders:
            path.mkdir()
        annotations._coco_pictures.cache_clear()
        self.addCleanup(annotations._coco_pictures.cache_clear)
        patch = mock.patch.object(annotations, '_folders', lambda kind: self.folders if kind == 'coco' else [])
        patch.start()
        self.addCleanup(patch.stop)

    def picture(self, folder, number):
        cv2.imwrite(str(self.folders[folder][1] / f'{number:012}.jpg'), np.zeros((40, 60, 3), np.uint8))

    def write(self, folder, name, content):
        (self.folders[folder][1] / name).write_text(json.dumps(content))

    def test_index_of_another_repository_with_more(self):
        self.picture(0, 7)
        self.write(0, 'instances.json', index({7: CC_BY}, [(7, square(5))]))
        self.write(1, 'persons.json', index({7: CC_BY}, [(7, square(5)), (7, square(30))]))
        found = annotations.annotated('coco')
        self.assertEqual([found['7'].licence, found['7'].address], ['CC-BY-2.0', 'there/7'])
        first, second = found['7'].masks(40, 60)
        self.assertTrue(first[8, 8] and second[8, 33] and not first[8, 33] and not second[8, 8])

    def test_fewer_outlines_do_not_replace_more(self):
        self.picture(0, 7)
        self.write(0, 'instances.json', index({7: CC_BY}, [(7, square(5)), (7, square(30))]))
        self.write(1, 'persons.json', index({7: CC_BY}, [(7, square(5))]))
        self.assertEqual(len(annotations.annotated('coco')['7']), 2)

    def test_other_licences_absent_pictures_and_other_files_are_left_out(self):
        self.picture(0, 7)
        self.write(0, 'instances.json', index({7: CC_BY_NC, 8: CC_BY}, [(7, square(5)), (8, square(5))]))
        self.write(0, 'list.json', [1, 2])
        self.write(0, 'settings.json', dict(images='some'))
        self.assertEqual(annotations.annotated('coco'), {})

    def test_captions_outline_nothing(self):
        self.picture(0, 7)
        captions = index({7: CC_BY}, [])
        captions['annotations'] = [dict(image_id=7, caption='a square')]
        self.write(0, 'captions.json', captions)
        self.assertEqual(annotations.annotated('coco'), {})


if __name__ == '__main__':
    unittest.main()
