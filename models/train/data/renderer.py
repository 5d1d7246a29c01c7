# SPDX-License-Identifier: Apache-2.0
"""A small renderer: textured, lit triangles to RGB and object ids, with OpenGL 3.3 off screen.

Needs EGL with any driver; Mesa's software one (Debian: libegl1, libgl1-mesa-dri) draws about a hundred
furniture models a second on one core."""
import moderngl
import numpy as np

VERTEX = '''
#version 330
uniform mat4 model;
uniform mat4 camera;
in vec3 in_position; in vec3 in_normal; in vec2 in_uv;
out vec3 position; out vec3 normal; out vec2 uv;
void main() {
    vec4 world = model * vec4(in_position, 1);
    position = world.xyz; normal = mat3(model) * in_normal; uv = in_uv;
    gl_Position = camera * world;
}'''
FRAGMENT = '''
#version 330
uniform sampler2D surface;
uniform vec3 colour; uniform vec3 eye; uniform vec3 sun; uniform vec3 sky; uniform vec3 ground;
uniform float gloss; uniform float id;
in vec3 position; in vec3 normal; in vec2 uv;
layout(location = 0) out vec4 shaded;
layout(location = 1) out float object;
void main() {
    vec3 to_eye = normalize(eye - position);
    vec3 n = normalize(normal);
    n = dot(n, to_eye) < 0 ? -n : n;                        // surfaces have two sides
    vec3 light = normalize(sun);
    float diffuse = max(dot(n, light), 0);
    float shine = pow(max(dot(n, normalize(light + to_eye)), 0), 24) * gloss;
    vec3 ambient = mix(ground, sky, 0.5 + 0.5 * n.y);
    vec3 base = colour * texture(surface, uv).rgb;
    shaded = vec4(base * (ambient + 0.75 * diffuse) + shine, 1);
    object = id;
}'''


def perspective(angle, near=0.05, far=100.0):
    """Square projection matrix; angle of view in radians."""
    f = 1 / np.tan(angle / 2)
    return np.array([[f, 0, 0, 0], [0, f, 0, 0],
                     [0, 0, (far + near) / (near - far), 2 * far * near / (near - far)], [0, 0, -1, 0]])


def look_at(eye, target):
    """View matrix of a camera at `eye` looking at `target`, y up."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0, 1, 0])
    right /= np.linalg.norm(right)
    up = np.cross(right, forward)
    view = np.eye(4)
    view[:3, :3] = right, up, -forward
    view[:3, 3] = -view[:3, :3] @ eye
    return view


class Renderer:
    def __init__(self, size):
        self.size = size
        self.context = moderngl.create_standalone_context(backend='egl')
        self.context.enable(moderngl.DEPTH_TEST)
        self.program = self.context.program(VERTEX, FRAGMENT)
        self.target = self.context.framebuffer(
            [self.context.texture((size, size), 4), self.context.texture((size, size), 1, dtype='f4')],
            self.context.depth_renderbuffer((size, size)))
        self.white = self._texture(np.full((2, 2, 3), 255, np.uint8))

    def _texture(self, picture):
        pixels = np.ascontiguousarray(picture[::-1]).tobytes()
        texture = self.context.texture(picture.shape[1::-1], 3, pixels, alignment=1)
        texture.build_mipmaps()
        texture.filter = moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR
        return texture

    def upload(self, parts):
        """Parts (meshes.py) -> what `draw` takes. Release with `release`."""
        uploaded = []
        for part in parts:
            buffer = self.context.buffer(part.corners.tobytes())
            array = self.context.vertex_array(self.program, [(buffer, '3f 3f 2f', 'in_position', 'in_normal', 'in_uv')])
            texture = self.white if part.texture is None else self._texture(part.texture)
            uploaded.append((array, buffer, texture, tuple(part.colour)))
        return uploaded

    def release(self, uploaded):
        for array, buffer, texture, _ in uploaded:
            array.release()
            buffer.release()
            if texture is not self.white:
                texture.release()

    def begin(self, camera, eye, light):
        """camera: projection @ view; light: dict of sun (direction), sky and ground (RGB), gloss."""
        self.target.use()
        self.target.clear()
        self._set('camera', camera)
        self.program['eye'] = tuple(eye)
        for name in ('sun', 'sky', 'ground'):
            self.program[name] = tuple(light[name])
        self.program['gloss'] = light['gloss']

    def _set(self, name, matrix):
        self.program[name].write(np.ascontiguousarray(matrix.T, np.float32).tobytes())

    def draw(self, uploaded, model, number):
        self._set('model', model)
        self.program['id'] = float(number)
        for array, _, texture, colour in uploaded:
            texture.use(0)
            self.program['colour'] = colour
            array.render()

    def read(self):
        """-> RGB uint8 [S, S, 3], object numbers uint8 [S, S] (0: nothing drawn)."""
        rgb = np.frombuffer(self.target.read(components=3), np.uint8).reshape(self.size, self.size, 3)
        number = np.frombuffer(self.target.read(components=1, attachment=1, dtype='f4'), np.float32)
        return rgb[::-1], number.reshape(self.size, self.size)[::-1].astype(np.uint8)


def random_light(rng):
    sky = rng.uniform(0.4, 1.0) * rng.uniform(0.85, 1.1, 3)
    return dict(sun=rng.normal(size=3) * [1, 0.5, 1] + [0, 1, 0.3], sky=sky, ground=sky * rng.uniform(0.3, 0.8),
                gloss=rng.uniform(0, 0.5) if rng.random() < 0.5 else 0.0)
