// runs in the page: the smallest contrast of text to its ground (WCAG 2.2, 1.4.3), where both are plain colours
(() => {
  const channel = (value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const read = (colour) => {
    const [red, green, blue, alpha = 1] = colour.match(/[\d.]+/g).map(Number);
    const [r, g, b] = [red, green, blue].map((value) => channel(value / 255));
    return { light: 0.2126 * r + 0.7152 * g + 0.0722 * b, alpha };
  };
  const groundOf = (element) => {
    if (!element) return 1;
    const { light, alpha } = read(getComputedStyle(element).backgroundColor);
    return alpha > 0.5 ? light : groundOf(element.parentElement);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let smallest = { contrast: 21, text: '' };
  while (walker.nextNode()) {
    const { parentElement: element, textContent: text } = walker.currentNode;
    if (!element.checkVisibility() || !text.trim()) continue;
    const { light, alpha } = read(getComputedStyle(element).color);
    const ground = groundOf(element);
    const seen = light * alpha + ground * (1 - alpha);
    const contrast = (Math.max(seen, ground) + 0.05) / (Math.min(seen, ground) + 0.05);
    if (contrast < smallest.contrast) smallest = { contrast, text };
  }
  return smallest;
})();
