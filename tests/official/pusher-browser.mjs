export const prepare = () => {};
