"""The page as a person sees it: a real Chromium, real uploads good and bad, downloads looked at by other programs."""

import base64
import json
import shutil
import struct
import subprocess
import zipfile
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from chromium import Chromium
from PIL import Image
from test_cli import see

pytest.importorskip("gradio", reason="needs gradio: pip install -r requirements-app.txt")
LINES = "document.querySelectorAll('#lines li').length"
LINKS = "document.querySelectorAll('#files a[download]').length"
IDLE = "!document.querySelector('#status p')?.innerText"
TAB = "[...document.querySelectorAll('button[role=tab]')].find(tab => /{}/i.test(tab.innerText)).click()"


@pytest.fixture
def browser(page_server, tmp_path):
    with Chromium(tmp_path / "chromium") as browser:
        browser.open(page_server.address)
        yield browser
        assert not browser.complaints
        hosts = {url.split("/")[2] for url in browser.requests if url.split(":")[0] not in ("data", "blob", "about")}
        assert hosts == {page_server.address.split("/")[2]}


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.fixture(scope="module")
def photos(tmp_path_factory, samples):
    """Photos as people have them, (good, bad): name -> path."""
    folder = tmp_path_factory.mktemp("photos")
    grey = {name: np.asarray(Image.fromarray(rgb[::2, ::2]).convert("L")) for name, rgb in samples.items()}
    exif = Image.Exif()
    exif[306], exif[271], exif[274] = "1931:05:04 10:00:00", "Ernemann", 6
    exif.get_ifd(0x8825).update({1: "N", 2: (43.0, 51.0, 24.0)})
    Image.fromarray(grey["astronaut"][:, 40:]).save(folder / "turned by a camera.jpg", exif=exif, dpi=(300, 300))
    deep = grey["cat"].astype(np.uint16) * 257
    tifffile.imwrite(folder / "deep.tif", deep, photometric="minisblack", resolution=(600, 600), resolutionunit=2)
    Image.fromarray(samples["coffee"][::2, ::2]).convert("CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(grey["rocket"]).save(folder / "grün 📷.png")
    Image.fromarray(grey["hopper"]).save(folder / "hopper.webp", lossless=True)
    good = {path.name: path for path in sorted(folder.iterdir())}
    (folder / "poem.png").write_text("no picture")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "drawing.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
    (folder / "torn.jpg").write_bytes(good["cmyk.jpg"].read_bytes()[:3000])
    frames = [Image.fromarray(grey["cat"][k : k + 40, :60]) for k in range(3)]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 70_000, 70_000, 8, 0, 0, 0, 0))
    (folder / "enormous.png").write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IEND", b""))
    (folder / "heavy.tif").write_bytes(bytes(2_000_001))
    return good, {path.name: path for path in sorted(folder.iterdir()) if path.name not in good}


def metadata(path):
    """What exiftool says of a file, or None where there is no exiftool."""
    if not shutil.which("exiftool"):
        return None
    done = subprocess.run(["exiftool", "-j", "-n", str(path)], capture_output=True, check=True)
    return json.loads(done.stdout)[0]


@pytest.mark.parametrize("way", ["give_files", "drop_files"])
def test_of_a_mixed_drop_the_good_come_back_whole_and_the_bad_have_a_line_each(browser, photos, way):
    good, bad = photos
    getattr(browser, way)([*bad.values(), *good.values()])
    browser.until(f"{LINKS} === {len(good)} && {IDLE}", 120)
    lines = browser.run("[...document.querySelectorAll('.lines .bad')].map(line => line.innerText)")
    assert len(lines) == len(bad) and [line for line in lines if "expected" not in line] == []
    assert {name for name in bad if any(line.startswith(name) for line in lines)} == set(bad)
    assert any("at most 2 MB a file" in line for line in lines)
    browser.run(
        "document.querySelectorAll('#files a[download]').forEach((a, k) => setTimeout(() => a.click(), 300 * k))"
    )
    browser.downloaded(len(good))
    browser.click("#zip")
    got = browser.downloaded(len(good) + 1)
    assert set(got) == {*good, "colorized.zip"}
    with zipfile.ZipFile(got["colorized.zip"]) as packed:
        assert {name: packed.read(name) for name in packed.namelist()} == {n: got[n].read_bytes() for n in good}
    for name, path in good.items():
        check_kept(path, got[name])


def check_kept(photo, picture):
    """Size, depth, lightness and metadata of the photo are the picture's, and it has color."""
    before, after = see(photo), see(picture)
    if turned := "turned" in photo.name:
        before = np.rot90(before, -1)  # EXIF orientation 6, which OpenCV leaves as it is when asked for all values
    assert after.shape[:2] == (before.shape[:2]) and after.dtype == before.dtype
    highest = np.iinfo(after.dtype).max
    lab = cv2.cvtColor(after[..., :3].astype(np.float32) / highest, cv2.COLOR_BGR2LAB)
    assert np.hypot(*lab[..., 1:].reshape(-1, 2).T).mean() > 10
    if before.ndim == 2:
        grey = cv2.cvtColor(cv2.merge([before] * 3).astype(np.float32) / highest, cv2.COLOR_BGR2LAB)[..., 0]
        assert abs(lab[..., 0] - grey).mean() < 1
    with Image.open(photo) as one, Image.open(picture) as other:
        assert one.format == other.format and other.size == (one.size[::-1] if turned else one.size)
    old, new = metadata(photo), metadata(picture)
    for key in {"ModifyDate", "Make", "GPSLatitude", "XResolution"} & set(old or ()):
        assert new.get(key) == old[key], (photo.name, key)
    if new:
        assert new.get("Orientation", 1) == 1 and "model stub 1" in new["Software"]
        assert "compositeWithTrainedAlgorithmicMedia" in new["DigitalSourceType"]


def test_a_photo_that_is_too_large_alone_sends_nothing(browser, photos):
    browser.give_files([photos[1]["heavy.tif"]])
    browser.until("document.querySelector('#too-large li')")
    assert not [url for url in browser.requests if "/upload" in url]
    browser.give_files([photos[0]["hopper.webp"]])
    browser.until(f"{LINKS} === 1 && {IDLE}")
    assert not browser.run("document.querySelector('#too-large li')")


def test_a_sample_is_colored_hinted_and_undone_with_clicks(browser):
    browser.click("#samples .thumbnail-item")
    browser.until(f"{LINKS} === 1 && document.querySelector('#compare img') && {IDLE}")
    browser.run(TAB.format("color"))
    browser.until("document.querySelector('#canvas img')?.naturalWidth")
    plain = pixels_of(browser, "#canvas img")
    assert browser.run("document.querySelector('#undo').disabled")
    browser.click("#canvas img", (0.25, 0.72))  # her suit
    browser.until(f"!document.querySelector('#undo').disabled && {IDLE}")
    browser.until(f"document.querySelector('#canvas img').src !== '{plain[0]}'")
    hinted, colored = pixels_of(browser, "#canvas img"), pixels_of(browser, "#compare img.fixed")[1]
    height, width = hinted[1].shape[:2]
    colored = cv2.resize(colored.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    dot = np.argwhere(cv2.erode(abs(hinted[1] - colored).max(-1), np.ones((3, 3))) > 60)  # only its rings differ so
    assert len(dot) and abs(dot.mean(0) / (height, width) - (0.72, 0.25)).max() < 0.02  # where the click was
    assert abs(colored - plain[1])[round(0.72 * height), round(0.25 * width)].max() > 30  # under it is another color
    browser.click("#undo")
    browser.until(f"document.querySelector('#undo').disabled && {IDLE}")
    browser.until(f"document.querySelector('#canvas img').src !== '{hinted[0]}'")
    assert abs(pixels_of(browser, "#canvas img")[1] - plain[1]).max() <= 2
    browser.click("#clear")
    browser.until(
        "document.querySelector('#samples .thumbnail-item')?.offsetParent && !document.querySelector('#files')"
    )


def test_a_browser_hears_why_a_large_upload_is_refused(browser):
    """It says all before it listens, and was hung up on."""
    browser.run(
        "{ const form = new FormData(); form.append('files', new Blob([new Uint8Array(6e7)]), 'large.png');"
        " window.heard = ''; fetch('/gradio_api/upload', { method: 'POST', body: form })"
        " .then(answer => answer.text()).then(text => { window.heard = text }, e => { window.heard = 'lost: ' + e }) }"
    )
    heard = browser.until("window.heard", 60)
    assert heard.startswith("expected at most 8,000,000 bytes at a time, got 60,0")
    browser.complaints.clear()  # of a status that is an error


def pixels_of(browser, selector):
    """(address, pixels int (H, W, 3)) of an image on the page."""
    source = browser.run(f"document.querySelector('{selector}').src")
    text = "btoa(Array.from(new Uint8Array(b), n => String.fromCharCode(n)).join(''))"
    data = browser.run(f"fetch('{source}').then(answer => answer.arrayBuffer()).then(b => {text})")
    pixels = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    return source, pixels[..., ::-1].astype(int)


@pytest.mark.parametrize("dark", [False, True])
def test_on_a_phone_nothing_is_wider_than_the_screen_and_text_can_be_read(browser, page_server, photos, dark):
    browser.resize(390, 844, mobile=True, dark=dark)
    browser.open(page_server.address)
    assert browser.run("document.documentElement.scrollWidth") <= 390
    browser.give_files([*photos[0].values(), photos[1]["poem.png"]])
    browser.until(f"{LINKS} === {len(photos[0])} && {IDLE}", 120)
    for tab in ("color", "compare"):
        browser.run(TAB.format(tab))
        assert browser.run("document.documentElement.scrollWidth") <= 390
    for selector in ("#head p", "#lines li", "#files .stem"):
        assert contrast(browser, selector) > 4.5, selector  # what WCAG 2 asks of text


def contrast(browser, selector):
    """The ratio of luminances of an element's text and what it stands on, by WCAG 2.1."""
    script = (
        f"(() => {{ let e = document.querySelector('{selector}'); const text = getComputedStyle(e).color;"
        "let back; do { back = getComputedStyle(e).backgroundColor; e = e.parentElement }"
        "while (e && / 0\\)$/.test(back)); return [text, back] })()"
    )
    lights = []
    for color in browser.run(script):
        parts = [float(part) for part in color[color.index("(") + 1 : -1].split(",")[:3]]
        linear = [p / 255 / 12.92 if p <= 10 else ((p / 255 + 0.055) / 1.055) ** 2.4 for p in parts]
        lights.append(np.dot(linear, (0.2126, 0.7152, 0.0722)))
    return (max(lights) + 0.05) / (min(lights) + 0.05)
