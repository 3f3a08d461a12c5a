// Words and numbers as the page's language writes them. The words come from the page, already translated.

// fill("Row {row} of {count}", {row: 1, count: "2"})
export const fill = (sentence, values = {}) =>
  sentence.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));

// A function that writes whole numbers as the server's templates do.
export const numbers = ({ group, decimal }) => {
  const whole = (number) => String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, group);
  return {
    whole,
    // One decimal, left out where it is 0.
    oneDecimal: (number) => {
      const tenths = Math.round(number * 10);
      return tenths % 10 ? `${whole(Math.floor(tenths / 10))}${decimal}${tenths % 10}` : whole(tenths / 10);
    },
  };
};

// The data that the page carries for its script.
export const pageData = (id) => JSON.parse(document.getElementById(id).textContent);
