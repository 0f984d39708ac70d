// Redoc asks a content network for its maker's logo. This page loads nothing from elsewhere, so that picture stays empty.
const picture = HTMLImageElement.prototype;
const source = Object.getOwnPropertyDescriptor(picture, "src");
const isOurs = (address) => new URL(address, location).origin === location.origin;
picture.setAttribute = function (name, value) {
  if (name !== "src" || isOurs(value)) Element.prototype.setAttribute.call(this, name, value);
};
Object.defineProperty(picture, "src", {
  ...source,
  set(address) {
    if (isOurs(address)) source.set.call(this, address);
  },
});
