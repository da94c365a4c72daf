// Where a picture's colors come from, said in its metadata as colorize_utils/photos/provenance.py says it: EXIF Software,
// and XMP as IPTC has it (http://cv.iptc.org/newscodes/digitalsourcetype/, Photo Metadata Standard 2025.1).

const SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia";
const IPTC_EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/";
const PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/";
const TIFF = "http://ns.adobe.com/tiff/1.0/";
const GUESS = "colors are a model's guess";
const OURS = /(?:; )?ColorizeIMG [^();]* \(model [^()]*; colors (?:are a model's guess|were chosen by hand)\)/g;
const EMPTY =
  '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/">\n' +
  '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n</rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="w"?>';

/** maker: {version: of the package, model, modelVersion, settings: [text]} -> as text. */
function named({ model, modelVersion, settings }) {
  return [`model ${model} ${modelVersion}`, ...settings]
    .join(", ")
    .replace(/[^\x20-\x7e]|[();]/g, "?")
    .slice(0, 200);
}

/** The text of EXIF Software: what was there, without an earlier mark of ours, and this mark. */
export function software(maker, before = "") {
  const mark = `ColorizeIMG ${maker.version} (${named(maker)}; ${GUESS})`;
  const rest = before.slice(0, 2000).replace(OURS, "").trim();
  return rest ? `${rest}; ${mark}` : mark;
}

/** An XMP packet or "" -> a packet with the digital source type, the model and a note. One that is damaged is replaced. */
export function stampedXmp(packet, maker) {
  try {
    if (packet.trim()) return added(packet.replace(/^\0+|\0+$/g, ""), maker);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return added(EMPTY, maker);
}

function added(packet, maker) {
  // Entities can make megabytes of a line; no honest packet has them.
  if (packet.replaceAll("<!--", "").replaceAll("<![CDATA[", "").includes("<!"))
    throw new SyntaxError("a document type");
  let text = upright(packet);
  for (const name of ["DigitalSourceType", "AISystemUsed", "AISystemVersionUsed"]) text = without(text, IPTC_EXT, name);
  const about = /rdf:about\s*=\s*("[^"]*"|'[^']*')/.exec(text)?.[1] ?? '""';
  const fields = [
    ["Iptc4xmpExt:DigitalSourceType", SOURCE_TYPE],
    ["Iptc4xmpExt:AISystemUsed", `ColorizeIMG, model ${maker.model}`],
    ["Iptc4xmpExt:AISystemVersionUsed", `${maker.version}, model ${maker.modelVersion}`],
  ];
  const noted = prefixes(text, PHOTOSHOP).some((prefix) =>
    new RegExp(`[\\s<]${prefix}:Instructions[\\s=>]`).test(text),
  );
  if (!noted) fields.push(["photoshop:Instructions", `${GUESS[0].toUpperCase()}${GUESS.slice(1)} (${named(maker)}).`]);
  const lines = fields.map(([name, value]) => `<${name}>${escaped(value)}</${name}>\n`).join("");
  const block =
    `<rdf:Description rdf:about=${about} xmlns:Iptc4xmpExt="${IPTC_EXT}" xmlns:photoshop="${PHOTOSHOP}">\n` +
    `${lines}</rdf:Description>\n`;
  const end = text.lastIndexOf("</rdf:RDF>");
  if (end < 0) throw new SyntaxError("no RDF");
  text = text.slice(0, end) + block + text.slice(end);
  if (!isWellFormed(text)) throw new SyntaxError("no XML");
  return text;
}

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** TIFF orientation 1: the picture is upright already. */
function upright(packet) {
  return prefixes(packet, TIFF).reduce(
    (text, prefix) =>
      text
        .replace(new RegExp(`(${prefix}:Orientation\\s*=\\s*["'])\\d+`, "g"), "$11")
        .replace(new RegExp(`(<${prefix}:Orientation[^<>]*>)\\s*\\d+`, "g"), "$11"),
    packet,
  );
}

function prefixes(packet, namespace) {
  const plain = namespace.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  const found = new Set(
    Array.from(packet.matchAll(new RegExp(`xmlns:([\\w.-]+)\\s*=\\s*["']${plain}["']`, "g")), (m) => m[1]),
  );
  if (found.size > 4) throw new SyntaxError("too many names for one namespace");
  return [...found].map((prefix) => prefix.replace(/[.-]/g, "\\$&"));
}

function without(packet, namespace, name) {
  return prefixes(packet, namespace).reduce((text, prefix) => {
    const tag = `${prefix}:${name}`;
    return text
      .replace(new RegExp(`\\s${tag}\\s*=\\s*("[^"]*"|'[^']*')`, "g"), "")
      .replace(new RegExp(`<${tag}(\\s[^<>]*)?/>`, "g"), "")
      .replace(new RegExp(`<${tag}(\\s[^<>]*)?>[^<]*</${tag}\\s*>`, "g"), "");
  }, packet);
}

/** Whether tags close in the order they were opened, under one root. A worker has no parser of XML to ask. */
export function isWellFormed(packet) {
  const open = [],
    text = packet.replace(/<!--[^]*?-->|<!\[CDATA\[[^]*?\]\]>|<\?[^]*?\?>/g, "");
  const name = "[A-Za-z_][\\w.:-]*",
    tag = new RegExp(`<(/?)(${name})((?:\\s+${name}\\s*=\\s*(?:"[^"<]*"|'[^'<]*'))*)\\s*(/?)>`, "gy");
  let roots = 0;
  for (let at = text.indexOf("<"); at >= 0; at = text.indexOf("<", tag.lastIndex)) {
    tag.lastIndex = at;
    const found = tag.exec(text);
    if (!found || (found[1] && open.pop() !== found[2])) return false;
    if (!found[1] && !open.length) roots++;
    if (!found[1] && !found[4]) open.push(found[2]);
  }
  return roots === 1 && !open.length && !/&(?!#?\w+;)/.test(text);
}
