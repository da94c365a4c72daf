"""The page itself: what stands where, and what happens when something on it is used. Gradio does the rest."""

import secrets
import time
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import gradio as gr
from starlette.middleware import Middleware

from ..inference.colorizer import STRONGEST
from ..inference.folders import Room
from ..photos.reading import count_pixels
from .guard import Guard
from .session import Session, hex_color, with_marks

HERE = Path(__file__).parent
SMALLEST, LARGEST, STEP = 64, 1024, 32  # working sizes that can be chosen
MOST_HINTS = 500  # a photo
KEPT = (
    3600  # seconds that uploads lie there; what a visitor has on the page stays until an hour after the tab is closed
)
AT_ONCE = 2  # visitors whose photos are colored at the same time
TEXT = """# Color for black-and-white photos

Drop some below. They are colored on the computer that runs this page: nothing is sent anywhere else, and what
you drop is deleted about an hour after you leave. At most {one} a file and {all} at a time, {pixels} megapixels a
photo. The colors are a model's guess."""


@dataclass
class Page:
    """What all visitors share. ``folder`` is the page's own temporary one; ``samples`` are grey photos to try."""

    colorizer: object
    folder: Path
    most: int = 500_000_000  # bytes a file
    max_pixels: int = 300_000_000
    samples: list = field(default_factory=list)
    sessions: dict = field(default_factory=dict)
    room: Room = field(default_factory=Room)

    def __deepcopy__(self, memo):
        """Gradio copies what its components hold for every visitor, and would copy the network along."""
        return self

    @property
    def most_at_once(self):
        """Bytes of one upload, all its files together."""
        return 4 * self.most

    def session(self, key):
        """(key, `Session`) of a visitor; new ones for a key that is None or forgotten."""
        if key not in self.sessions:
            key = secrets.token_urlsafe(16)
            self.sessions[key] = Session(self.folder / "visitors" / key)
        return key, self.sessions[key]

    def forget(self, key):
        """Delete a visitor's photos."""
        if session := self.sessions.pop(key, None):
            session.clear()

    # What happens when something is used. Each gives what `view` gives, some of them again and again as work goes on.

    def add(self, key, paths, strength, size):
        """Color what was dropped."""
        key, session = self.session(key)
        remove_old(self.folder / "uploads")
        session.failed.clear()
        items = session.add(paths or [])
        first = len(session.items)
        for count, item in enumerate(items):
            yield self.view(key, f"Coloring {_of(count + 1, items)} {item.photo.name}", pictures=False)
            if self._color(session, item, strength, size) and len(session.items) == first + 1:
                session.at = first
                yield self.view(key, f"Coloring {_of(count + 1, items)}")
        yield self.view(key, pictures=False)

    def add_sample(self, key, strength, size, event: gr.SelectData):
        """Color one of the photos to try."""
        yield from self.add(key, [self.samples[event.index]], strength, size)

    def again(self, key, strength, size):
        """Color all photos with other settings, the one that is looked at first."""
        key, session = self.session(key)
        items = sorted(session.items, key=lambda item: item is not session.current)
        for count, item in enumerate(items):
            yield self.view(key, f"Coloring {_of(count + 1, items)} {item.name}", pictures=count == 1)
            self._color(session, item, strength, size)
        yield self.view(key, pictures=len(items) < 2)

    def hint(self, key, color, strength, size, event: gr.SelectData):
        """Give the place that was clicked a color."""
        key, session = self.session(key)
        if item := session.current:
            item.points = [*item.points[: MOST_HINTS - 1], (*session.share(event.index), hex_color(color))]
        yield from self._recolor(key, strength, size)

    def undo(self, key, strength, size):
        """Take the last hint back."""
        key, session = self.session(key)
        if session.current and session.current.points:
            session.current.points.pop()
            yield from self._recolor(key, strength, size)

    def no_hints(self, key, strength, size):
        """Take all hints of this photo back."""
        key, session = self.session(key)
        if session.current and session.current.points:
            session.current.points.clear()
            yield from self._recolor(key, strength, size)

    def look(self, key, event: gr.SelectData):
        """Show another of the photos."""
        key, session = self.session(key)
        session.at = min(event.index, max(0, len(session.items) - 1))
        return self.view(key)

    def marked(self, key):
        """The photo that is looked at, with a dot for each hint."""
        _, session = self.session(key)
        return with_marks(session.current) if session.current else None

    def clear(self, key):
        """Remove all photos."""
        key, session = self.session(key)
        session.clear()
        return self.view(key)

    def pack(self, key):
        """All pictures as one .zip."""
        _, session = self.session(key)
        return str(session.pack()) if session.items else None

    def _recolor(self, key, strength, size):
        key, session = self.session(key)
        if session.current:
            yield self.view(key, f"Coloring {session.current.name}", pictures=False)
            self._color(session, session.current, strength, size)
        yield self.view(key)

    def _color(self, session, item, strength, size):
        # A very large photo waits until others are done, so that memory suffices.
        with self.room.of(count_pixels(item.photo)):
            size = None if size == self.colorizer.size else min(max(int(size), SMALLEST), LARGEST)
            return session.color(item, self.colorizer, strength, size, self.max_pixels)

    def view(self, key, status="", pictures=True):
        """Values for `SHOWN`, in that order. pictures: also of the photo that is looked at, which may have changed."""
        session = self.sessions[key]
        item, many = session.current, len(session.items) > 1
        thumbs = [(str(one.thumb), one.name) for one in session.items] if many else []
        return (
            key,
            None,
            _lines(session),
            gr.HTML(f"<p>{escape(status)}</p>", visible=bool(status)),
            gr.Column(visible=not session.items and not status),
            gr.Column(visible=bool(session.items)),
            gr.Gallery(thumbs, visible=many, selected_index=session.at if many else None),
            ((str(item.before), str(item.after)) if item else None) if pictures else gr.skip(),
            self.marked(key) if pictures else gr.skip(),
            *(gr.Button(interactive=bool(item and item.points)) for _ in range(2)),
            [str(one.picture) for one in session.items],
            gr.Button(visible=many),
        )


SHOWN = ("key", "drop", "lines", "status", "tries", "results", "strip", "compare", "canvas", "undo", "none")
SHOWN += ("files", "zip")


def _of(number, items):
    return f"{number} of {len(items)}:" if len(items) > 1 else ""


def _lines(session):
    """What could not be done, and what one should know, a line each, as HTML."""
    lines = [("bad", name, why) for name, why in session.failed]
    lines += [("note", item.name, note) for item in session.items for note in item.notes]
    rows = (f'<li class="{kind}"><b>{escape(name)}</b> {escape(text)}</li>' for kind, name, text in lines)
    return f'<ul class="lines">{"".join(rows)}</ul>' if lines else ""


def remove_old(folder, age=KEPT):
    """Delete files right in ``folder`` that are older than ``age`` seconds: uploads that were broken off."""
    for path in folder.iterdir():
        try:
            if path.is_file() and time.time() - path.stat().st_mtime > age:
                path.unlink()
        except OSError:  # another visitor's call was faster
            continue


def megabytes(count):
    """Bytes as a person reads them."""
    return f"{count / 1e9:g} GB" if count >= 1e9 else f"{count / 1e6:g} MB"


def build(page):
    """The page as `gradio.Blocks`."""
    with gr.Blocks(title="Color for black-and-white photos", analytics_enabled=False, delete_cache=(600, KEPT)) as demo:
        parts = _layout(page)
        _wire(page, parts)
    return demo


def _layout(page):
    """All components, by name."""
    p = {"key": gr.State(None, delete_callback=page.forget)}
    gr.Markdown(
        TEXT.format(one=megabytes(page.most), all=megabytes(page.most_at_once), pixels=f"{page.max_pixels / 1e6:,g}"),
        elem_id="head",
    )
    p["drop"] = gr.File(file_count="multiple", show_label=False, elem_id="drop", height=132)
    gr.HTML('<ul class="lines" id="too-large"></ul>', padding=False)
    p["lines"] = gr.HTML(padding=False, elem_id="lines")
    p["status"] = gr.HTML(padding=False, elem_id="status", visible=False)
    with gr.Column(visible=bool(page.samples)) as p["tries"]:
        gr.Markdown("No photo at hand? Try one of these:", elem_id="samples-title")
        p["samples"] = gr.Gallery(
            [str(path) for path in page.samples], columns=6, height="auto", object_fit="cover", show_label=False,
            allow_preview=False, buttons=[], interactive=False, elem_id="samples", container=False,
        )  # fmt: skip
    with gr.Column(visible=False) as p["results"]:
        _result_layout(page, p)
    return p


def _result_layout(page, p):
    p["strip"] = gr.Gallery(
        columns=8, height="auto", object_fit="cover", show_label=False, allow_preview=False, buttons=[],
        interactive=False, elem_id="strip", container=False, visible=False,
    )  # fmt: skip
    with gr.Tabs():
        with gr.Tab("Compare"):
            p["compare"] = gr.ImageSlider(
                show_label=False, interactive=False, elem_id="compare", buttons=["fullscreen"], max_height=640
            )
        with gr.Tab("Give a color", render_children=True) as p["tab"]:
            gr.Markdown("Choose a color and click where it belongs. The lightness stays the photo's.")
            with gr.Row(elem_id="tools", equal_height=True):
                p["color"] = gr.ColorPicker("#4f7fbf", show_label=False, label="Color", container=False, min_width=40)
                p["undo"] = gr.Button("Undo", min_width=80, elem_id="undo")
                p["none"] = gr.Button("Remove all", min_width=80)
            p["canvas"] = gr.Image(show_label=False, interactive=False, elem_id="canvas", buttons=[], format="jpeg")
    with gr.Row():
        p["strength"] = gr.Slider(
            0, STRONGEST, 1, step=0.05, label="Saturation", info="0 is grey, 1 the model's own",
            min_width=280,
        )  # fmt: skip
        p["size"] = gr.Slider(
            SMALLEST, LARGEST, page.colorizer.size, step=STEP, label="Working size",
            info="Short side, in pixels, of the copy the model looks at", min_width=280,
        )  # fmt: skip
    p["files"] = gr.File(
        label="Download at full size", file_count="multiple", interactive=False, height=340, elem_id="files"
    )
    with gr.Row():
        p["zip"] = gr.Button("Download all as one .zip", variant="primary", min_width=280, elem_id="zip")
        p["clear"] = gr.Button("Remove all photos from this page", min_width=280, elem_id="clear")
    p["packed"] = gr.DownloadButton("zip", elem_id="packed", elem_classes="kept-apart")


def _wire(page, p):
    shown = [p[name] for name in SHOWN]
    settings, line = [p["strength"], p["size"]], {"concurrency_id": "color", "concurrency_limit": AT_ONCE}

    def on(event, work, *inputs, **more):
        event(work, [p["key"], *inputs], shown, show_progress="hidden", **more)

    on(p["drop"].upload, page.add, p["drop"], *settings, **line)
    on(p["samples"].select, page.add_sample, *settings, **line)
    for slider in settings:
        on(slider.release, page.again, *settings, trigger_mode="always_last", **line)
    on(p["canvas"].select, page.hint, p["color"], *settings, trigger_mode="multiple", **line)
    on(p["undo"].click, page.undo, *settings, **line)
    on(p["none"].click, page.no_hints, *settings, **line)
    on(p["strip"].select, page.look)
    p["tab"].select(page.marked, p["key"], p["canvas"], show_progress="hidden")
    on(p["clear"].click, page.clear)
    packed = p["zip"].click(page.pack, p["key"], p["packed"], show_progress="minimal")
    packed.then(None, js="() => document.querySelector('#packed').click()")


def launch(page, host="127.0.0.1", port=None):
    """Begin to serve the page -> (`gradio.Blocks`, its address). OSError if there is no free port."""
    gr.set_static_paths([page.folder / "visitors", page.folder / "samples"])  # served from where they are, not copied
    demo = build(page).queue(default_concurrency_limit=AT_ONCE)
    limits = {"MOST_OF_ONE": page.most, "MOST_OF_ALL": page.most_at_once}
    script = (HERE / "page.js").read_text(encoding="utf-8")
    for name, value in limits.items():
        script = script.replace(name, str(value))
    fonts = {"font": ["system-ui", "sans-serif"], "font_mono": ["ui-monospace", "monospace"]}
    _, address, _ = demo.launch(
        server_name=host,
        server_port=port,
        share=False,  # None would become True on Colab: a public address
        inline=False,
        prevent_thread_lock=True,
        quiet=True,
        max_file_size=page.most,
        allowed_paths=[],
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        enable_monitoring=False,
        footer_links=[],
        app_kwargs={"middleware": [Middleware(Guard, most=page.most_at_once, folder=page.folder)]},
        theme=gr.themes.Base(primary_hue="neutral", **fonts).set(
            body_text_color_subdued="*neutral_600",
            body_text_color_subdued_dark="*neutral_400",
            button_large_text_size="*text_md",
            button_large_text_weight="500",
            link_text_color="*neutral_800",
            link_text_color_dark="*neutral_200",
        ),
        css_paths=[HERE / "page.css"],
        head=f"<script>{script}</script>",  # not as `js`, which would run after the first drop can be made
    )
    return demo, address
