// Samples that were pasted or chosen, as the body of a request.

const FASTA = "text/x-fasta";
const CSV = "text/csv";
const JSON_TYPE = "application/json";
const NPZ = "application/x-npz";

/** Samples and their media type; `single(k)` is sample k alone, or null where only the service can read them. */
class Batch {
  constructor(body, type, single) {
    this.body = body;
    this.type = type;
    this.single = single;
  }
}

/** Text in one of the forms that people have at hand. */
export function fromText(text) {
  const content = text.trim();
  if (!content) throw new Error("there are no samples; paste some, or choose a file");
  if (content.startsWith(">")) return fromFasta(content);
  if (content.startsWith("{") || content.startsWith("[")) return fromJson(content);
  const lines = content.split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== "");
  // sequences, one a line; numbers are separated by something
  if (lines.every((line) => /^[A-Za-z0-9.*-]{2,}$/.test(line) && !/^-?[0-9]$/.test(line)))
    return fromDocument({ samples: lines });
  return new Batch(`${lines.join("\n")}\n`, CSV, (row) => `${lines[row]}\n`);
}

/** A file, whose name says what is in it where its content does not. */
export async function fromFile(file) {
  const name = file.name.toLowerCase();
  if (name.endsWith(".npz")) return new Batch(await file.arrayBuffer(), NPZ, () => null);
  if (/\.(gz|zip|npy|h5|hdf5|bz2|xz)$/.test(name))
    throw new Error("this kind of file is not taken; give FASTA, CSV, JSON or .npz");
  return fromText(await file.text());
}

function fromFasta(content) {
  const records = content.split(/^(?=>)/m);
  return new Batch(`${content}\n`, FASTA, (row) => `${records[row].trim()}\n`);
}

function fromJson(content) {
  let document;
  try {
    document = JSON.parse(content);
  } catch (error) {
    throw new Error(`this begins like JSON but is none: ${error.message}`);
  }
  return fromDocument(Array.isArray(document) ? { samples: document } : document);
}

function fromDocument(document) {
  const single = (row) => {
    const names = document.names ? { names: [document.names[row]] } : {};
    return JSON.stringify({ samples: [document.samples[row]], ...names });
  };
  return new Batch(JSON.stringify(document), JSON_TYPE, single);
}
