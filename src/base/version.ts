/** Version of isthmus, as package.json has it; a repository test keeps the two equal. */
export const version = "0.1.0";
