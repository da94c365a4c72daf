// What stands in the way of a photo, as the name of a line in text/*.json and what is filled into it.

export class Refused extends Error {
  constructor(line, values = {}) {
    super(line);
    this.line = line;
    this.values = values;
  }
}
